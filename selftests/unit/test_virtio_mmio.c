// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's virtio transport and queues: registers, negotiation, and guests that break the rules. */
#define _GNU_SOURCE
#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "virtio_guest.h"

static void start_rng(uint64_t features)
{
	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	drive(0, features, 0);
}

static bool broken(unsigned int slot)
{
	return reg(slot, VIRTIO_MMIO_STATUS) & RESET_NEEDED;
}

TEST(identity)
{
	machine_start();
	EXPECT_EQ(virtio_count(&d), 0U);
	EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_EQ(add("console", ""), 0);
	EXPECT_EQ(virtio_count(&d), 2U);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976U);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_VERSION), 2U);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
	EXPECT_EQ(reg(1, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_CONSOLE);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_SHM_LEN_LOW), ~0U);
	/* Only whole registers can be read, only devices that are there. */
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_MAGIC_VALUE, 1), 0ULL);
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_MAGIC_VALUE, 8), 0ULL);
	EXPECT_EQ(virtio_mmio_read(&d, 0, 2, 4), 0ULL);
	EXPECT_EQ(reg(2, VIRTIO_MMIO_MAGIC_VALUE), 0U);
	EXPECT_EQ(reg(~0U, VIRTIO_MMIO_MAGIC_VALUE), 0U);
	set(2, VIRTIO_MMIO_STATUS, 1);
	virtio_mmio_write(&d, 0, VIRTIO_MMIO_STATUS, 2, 1);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_STATUS), 0U);
}

TEST(adding)
{
	unsigned int i;

	machine_start();
	EXPECT_EQ(add("floppy", NULL), -EINVAL);
	EXPECT_STREQ(error, "no such kind of virtio device");
	EXPECT_EQ(add("console", NULL), 0);
	EXPECT_EQ(add("console", NULL), -EEXIST);
	for (i = 1; i < VIRTIO_MAX_SLOTS; i++)
		EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_EQ(add("rng", NULL), -ENOSPC);
	EXPECT_EQ(virtio_count(&d), VIRTIO_MAX_SLOTS);
	virtio_destroy(&d);
	EXPECT_EQ(virtio_count(&d), 0U);
}

TEST(negotiation)
{
	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_EQ(offered(0), V1 | EVENT_IDX | INDIRECT);
	set(0, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_DEVICE_FEATURES), 0U);
	EXPECT_FALSE(negotiate(0, EVENT_IDX));
	EXPECT_FALSE(negotiate(0, V1 | 1));
	/* Without FEATURES_OK it does not run. */
	set(0, VIRTIO_MMIO_STATUS, RUNNING);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_STATUS),
		  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	EXPECT_TRUE(negotiate(0, V1 | EVENT_IDX));
	/* Too late */
	set(0, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	EXPECT_EQ(d.virtio.slot[0]->driver_features, V1 | EVENT_IDX);
	set(0, VIRTIO_MMIO_STATUS, 0);
	EXPECT_EQ(d.virtio.slot[0]->driver_features, 0ULL);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_STATUS), 0U);
}

TEST(queue_registers)
{
	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_TRUE(negotiate(0, V1));
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTIO_QUEUE_MAX);
	set(0, VIRTIO_MMIO_QUEUE_SEL, 1);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_NUM_MAX), 0U);
	set_up_queue(0, 1, 0);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_READY), 0U);
	set_up_queue(0, 0, 0);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_READY), 1U);
	/* It stays as it is while in use. */
	set(0, VIRTIO_MMIO_QUEUE_NUM, 256);
	EXPECT_EQ(d.virtio.slot[0]->queue[0].num, NUM);
	set(0, VIRTIO_MMIO_QUEUE_READY, 0);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_READY), 0U);
	EXPECT_FALSE(broken(0));
}

TEST(bad_queues)
{
	static const struct {
		uint32_t num;
		uint64_t desc, avail, used;
		bool good;
	} cases[] = {
		{ 256, LOW_SIZE - 0x1000, 0, 0, true },
		{ 256, RAM_HIGH, RAM_HIGH + 0x1000, RAM_HIGH + HIGH_SIZE - 0x1000, true },
		{ 1, 0, LOW_SIZE - 8, 0, true },
		{ 1, 0, LOW_SIZE - 6, 0, false },		/* used_event is outside */
		{ 1, 0, 0, LOW_SIZE - 16, true },
		{ 1, 0, 0, LOW_SIZE - 12, false },		/* avail_event is */
		{ 0, 0, 0, 0, false },
		{ 3, 0, 0, 0, false },
		{ 512, 0, 0, 0, false },
		{ 0x80000000, 0, 0, 0, false },
		{ 16, 8, 0, 0, false },
		{ 16, 0, 1, 0, false },
		{ 16, 0, 0, 2, false },
		{ 256, LOW_SIZE - 0xff0, 0, 0, false },
		{ 16, LOW_SIZE, 0, 0, false },
		{ 16, 0, RAM_HIGH - 2, 0, false },
		{ 16, 0, 0, ~0ULL - 3, false },
		{ 16, ~0ULL - 15, 0, 0, false },
	};
	unsigned int i;

	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT_TRUE(negotiate(0, V1));
		set(0, VIRTIO_MMIO_QUEUE_NUM, cases[i].num);
		set_address(0, VIRTIO_MMIO_QUEUE_DESC_LOW, cases[i].desc);
		set_address(0, VIRTIO_MMIO_QUEUE_AVAIL_LOW, cases[i].avail);
		set_address(0, VIRTIO_MMIO_QUEUE_USED_LOW, cases[i].used);
		set(0, VIRTIO_MMIO_QUEUE_READY, 1);
		EXPECT(reg(0, VIRTIO_MMIO_QUEUE_READY) == cases[i].good, "case %u", i);
		EXPECT(broken(0) == !cases[i].good, "case %u", i);
	}
}

TEST(request)
{
	start_rng(0);
	EXPECT_EQ(PUT(0, { DATA, 64, IN }), 0U);
	EXPECT_EQ(get_used(0), -1L);
	kick(0);
	EXPECT_EQ(get_used(0), 64L);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	EXPECT_TRUE(line[16]);
	set(0, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	EXPECT_TRUE(line[16]);
	set(0, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	EXPECT_FALSE(line[16]);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_INTERRUPT_STATUS), 0U);
	/* Nothing there: no interrupt; other queues there are not. */
	kick(0);
	set(0, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	set(0, VIRTIO_MMIO_QUEUE_NOTIFY, ~0U);
	EXPECT_FALSE(line[16]);
	/* Several at once: one interrupt */
	PUT(0, { DATA, 1, IN }, { DATA + 100, 2, IN });
	PUT(0, { RAM_HIGH, 4, IN });
	kick(0);
	EXPECT_EQ(get_used(0), 3L);
	EXPECT_EQ(get_used(0), 4L);
	EXPECT_EQ(get_used(0), -1L);
	EXPECT_EQ(nr_raised, 2U);
	set(0, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(line[16]);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_QUEUE_READY), 0U);
}

TEST(before_driver_ok)
{
	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_TRUE(negotiate(0, V1));
	set_up_queue(0, 0, 0);
	PUT(0, { DATA, 8, IN });
	kick(0);
	EXPECT_EQ(get_used(0), -1L);
	/* It was not forgotten. */
	set(0, VIRTIO_MMIO_STATUS, RUNNING);
	EXPECT_EQ(get_used(0), 8L);
}

TEST(shared_line)
{
	unsigned int i;

	machine_start();
	for (i = 0; i < 9; i++)
		EXPECT_EQ(add("rng", NULL), 0);
	drive(0, 0, 0);
	drive(8, 0, 1);
	drive(7, 0, 2);
	PUT(0, { DATA, 8, IN });
	PUT(1, { DATA, 8, IN });
	PUT(2, { DATA, 8, IN });
	kick(0);
	kick(1);
	EXPECT_TRUE(line[16]);
	EXPECT_FALSE(line[23]);
	kick(2);
	EXPECT_TRUE(line[23]);
	set(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	EXPECT_TRUE(line[16]);
	set(8, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(line[16]);
	EXPECT_TRUE(line[23]);
}

TEST(unwanted_interrupts)
{
	start_rng(0);
	avail_of(0)->flags = VRING_AVAIL_F_NO_INTERRUPT;
	PUT(0, { DATA, 8, IN });
	kick(0);
	EXPECT_EQ(get_used(0), 8L);
	EXPECT_FALSE(line[16]);
}

TEST(event_index)
{
	struct vring_avail *avail;

	start_rng(EVENT_IDX);
	avail = avail_of(0);
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;	/* does not count here */
	avail->ring[NUM] = 1;				/* only after the second */
	PUT(0, { DATA, 8, IN });
	kick(0);
	EXPECT_EQ(get_used(0), 8L);
	EXPECT_FALSE(line[16]);
	EXPECT_EQ(*(uint16_t *)&used_of(0)->ring[NUM], 1);	/* notify of the next one */
	PUT(0, { DATA, 8, IN });
	kick(0);
	EXPECT_TRUE(line[16]);
	EXPECT_EQ(*(uint16_t *)&used_of(0)->ring[NUM], 2);
	set(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	PUT(0, { DATA, 8, IN });
	kick(0);
	EXPECT_FALSE(line[16]);
}

TEST(index_wraps)
{
	unsigned int i;

	start_rng(EVENT_IDX);
	for (i = 0; i < 0x10000 + 100; i++) {
		avail_of(0)->ring[NUM] = queues[0].used;
		PUT(0, { DATA, 1, IN });
		kick(0);
		if (get_used(0) != 1 || !line[16])
			break;
		set(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	}
	EXPECT_EQ(i, 0x10000U + 100);
}

TEST(indirect)
{
	const uint64_t table = DATA + 0x1003;		/* need not be aligned */
	struct vring_desc desc[] = {
		{ DATA, 5, IN | VRING_DESC_F_NEXT, 2 },
		{ ~0ULL, 1, 0, 0 },
		{ DATA + 5, 6, IN, 77 },
	};

	start_rng(INDIRECT);
	memcpy(at(table), desc, sizeof(desc));
	PUT(0, { table, sizeof(desc), VRING_DESC_F_INDIRECT });
	kick(0);
	EXPECT_EQ(get_used(0), 11L);
	/* Behind descriptors of the queue, too */
	PUT(0, { DATA, 1, IN }, { table, sizeof(desc), VRING_DESC_F_INDIRECT });
	kick(0);
	EXPECT_EQ(get_used(0), 12L);
	EXPECT_FALSE(broken(0));
}

TEST(odd_but_allowed)
{
	start_rng(0);
	PUT(0, { DATA, 0, IN }, { DATA, 3, IN }, { DATA, 0, IN });
	PUT(0, { DATA, 16, 0 });		/* nothing to write to */
	PUT(0, { DATA, 0, 0 });
	PUT(0, { DATA, LOW_SIZE - DATA, IN });	/* less than that is given */
	kick(0);
	EXPECT_EQ(get_used(0), 3L);
	EXPECT_EQ(get_used(0), 0L);
	EXPECT_EQ(get_used(0), 0L);
	EXPECT_EQ(get_used(0), (long)MAX_FILL);
	EXPECT_FALSE(broken(0));
}

static const struct {
	const char *what;
	struct vring_desc desc[3], table[2];
} hostile[] = {
	{ .what = "loop of one",
	  .desc = { { DATA, 4, IN | 1, 0 } } },
	{ .what = "loop of two",
	  .desc = { { DATA, 4, IN | 1, 1 }, { DATA, 4, IN | 1, 0 } } },
	{ .what = "loop of nothing",
	  .desc = { { DATA, 0, IN | 1, 1 }, { DATA, 0, IN | 1, 0 } } },
	{ .what = "next outside",
	  .desc = { { DATA, 4, IN | 1, NUM } } },
	{ .what = "next far outside",
	  .desc = { { DATA, 4, IN | 1, 0xffff } } },
	{ .what = "behind memory",
	  .desc = { { LOW_SIZE, 1, IN, 0 } } },
	{ .what = "across its end",
	  .desc = { { LOW_SIZE - 1, 2, IN, 0 } } },
	{ .what = "across the high bank's",
	  .desc = { { RAM_HIGH + HIGH_SIZE - 4, 5, IN, 0 } } },
	{ .what = "a device",
	  .desc = { { VIRTIO_MMIO_BASE, 4, IN, 0 } } },
	{ .what = "wraps",
	  .desc = { { ~0ULL, 2, IN, 0 } } },
	{ .what = "huge",
	  .desc = { { DATA, 0xffffffff, IN, 0 } } },
	{ .what = "writable first",
	  .desc = { { DATA, 4, IN | 1, 1 }, { DATA, 4, 0, 0 } } },
	{ .what = "table with a next",
	  .desc = { { DATA, 32, 4 | 1, 1 }, { DATA, 4, IN, 0 } }, .table = { { DATA, 4, IN, 0 } } },
	{ .what = "empty table",
	  .desc = { { DATA, 0, 4, 0 } } },
	{ .what = "odd table",
	  .desc = { { DATA, 31, 4, 0 } }, .table = { { DATA, 4, IN, 0 } } },
	{ .what = "table outside",
	  .desc = { { LOW_SIZE - 16, 32, 4, 0 } } },
	{ .what = "table in a table",
	  .desc = { { DATA, 32, 4, 0 } }, .table = { { DATA, 32, 4, 0 } } },
	{ .what = "next outside of a table",
	  .desc = { { DATA, 16, 4, 0 } }, .table = { { DATA, 4, IN | 1, 1 } } },
	{ .what = "loop in a table",
	  .desc = { { DATA, 32, 4, 0 } }, .table = { { DATA, 4, IN | 1, 0 } } },
};

TEST(hostile_chains)
{
	unsigned int i;

	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		start_rng(INDIRECT);
		memcpy(desc_of(0), hostile[i].desc, sizeof(hostile[i].desc));
		memcpy(at(DATA), hostile[i].table, sizeof(hostile[i].table));
		avail_of(0)->idx = 1;
		kick(0);
		EXPECT(broken(0), "%s", hostile[i].what);
		EXPECT_EQ(used_of(0)->idx, 0);
		EXPECT_EQ(reg(0, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
		EXPECT_TRUE(line[16]);
		/* It is dead until it is reset. */
		desc_of(0)[0] = (struct vring_desc){ DATA, 4, IN, 0 };
		kick(0);
		EXPECT_EQ(used_of(0)->idx, 0);
		drive(0, 0, 0);
		EXPECT_FALSE(line[16]);
		PUT(0, { DATA, 4, IN });
		kick(0);
		EXPECT_EQ(get_used(0), 4L);
	}
}

TEST(hostile_rings)
{
	start_rng(0);			/* a table that was not negotiated */
	PUT(0, { DATA, 16, VRING_DESC_F_INDIRECT });
	kick(0);
	EXPECT_TRUE(broken(0));
	start_rng(0);
	avail_of(0)->ring[0] = NUM;
	avail_of(0)->idx = 1;
	kick(0);
	EXPECT_TRUE(broken(0));
	start_rng(0);			/* more than there is room for */
	avail_of(0)->idx = NUM + 1;
	kick(0);
	EXPECT_TRUE(broken(0));
	start_rng(EVENT_IDX);
	avail_of(0)->idx = 0xffff;
	kick(0);
	EXPECT_TRUE(broken(0));
	start_rng(0);			/* all of them the same */
	PUT(0, { DATA, 4, IN });
	avail_of(0)->idx = NUM;
	kick(0);
	EXPECT_EQ(used_of(0)->idx, NUM);
}

/* Whatever we write there, we read back: it has to end. */
TEST(rings_in_one_place)
{
	unsigned int offset;

	for (offset = 0; offset < 64; offset += 2) {
		machine_start();
		EXPECT_EQ(add("rng", NULL), 0);
		EXPECT_TRUE(negotiate(0, V1 | EVENT_IDX));
		set(0, VIRTIO_MMIO_QUEUE_NUM, 2);
		set_address(0, VIRTIO_MMIO_QUEUE_DESC_LOW, DATA);
		set_address(0, VIRTIO_MMIO_QUEUE_USED_LOW, DATA);
		set_address(0, VIRTIO_MMIO_QUEUE_AVAIL_LOW, DATA + offset);
		set(0, VIRTIO_MMIO_QUEUE_READY, 1);
		set(0, VIRTIO_MMIO_STATUS, RUNNING);
		*(uint16_t *)at(DATA + offset + 2) = 1;
		set(0, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		set(0, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		EXPECT_TRUE(reg(0, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_DRIVER_OK);
	}
}

/* ---- two vCPUs ------------------------------------------------------------ */

#define REQUESTS	500000

/* The guest's own lock, and the devices'. */
static pthread_mutex_t guest_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int nr_kicks;

/* One more request; returns whether the device wants to be told. */
static bool add_request(void)
{
	struct vring_avail *avail = avail_of(0);
	uint16_t old = avail->idx, event;

	desc_of(0)[old % NUM] = (struct vring_desc){ DATA, 0, IN, 0 };
	avail->ring[old % NUM] = old % NUM;
	__atomic_store_n(&avail->idx, old + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n((uint16_t *)&used_of(0)->ring[NUM], __ATOMIC_RELAXED);
	return vring_need_event(event, old + 1, old);
}

static void *vcpu_main(void *unused)
{
	const time_t deadline = time(NULL) + 20;
	unsigned int done = 0;
	bool wanted, room;
	uint16_t used;

	/* A lost notification would leave the queue full for ever. */
	while (done < REQUESTS && time(NULL) < deadline) {
		pthread_mutex_lock(&guest_lock);
		used = __atomic_load_n(&used_of(0)->idx, __ATOMIC_ACQUIRE);
		room = (uint16_t)(avail_of(0)->idx - used) < NUM;
		wanted = room && add_request();
		pthread_mutex_unlock(&guest_lock);
		done += room;
		if (!wanted)
			continue;
		pthread_mutex_lock(&device_lock);
		nr_kicks++;
		kick(0);
		pthread_mutex_unlock(&device_lock);
	}
	return NULL + (done == REQUESTS);
}

TEST(no_notification_is_lost)
{
	pthread_t thread[2];
	void *done;
	int i;

	start_rng(EVENT_IDX);
	nr_kicks = 0;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, vcpu_main, NULL), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], &done);
		EXPECT_TRUE(done);
	}
	EXPECT_EQ(used_of(0)->idx, (uint16_t)(2 * REQUESTS));
	EXPECT_LE(nr_kicks, 2U * REQUESTS);
	EXPECT_FALSE(broken(0));
}

/* ---- the fuzzer ----------------------------------------------------------- */

static uint64_t pick(const uint64_t *from, unsigned int n)
{
	return unit_random_below(8) ? from[unit_random_below(n)] : unit_random();
}

#define PICK(...) ({						\
	const uint64_t choice[] = { __VA_ARGS__ };		\
	pick(choice, sizeof(choice) / sizeof(choice[0]));	\
})

static uint64_t random_address(void)
{
	return PICK(0, DATA, DATA + 1, DATA + 0x800, QUEUE_AT(0), AVAIL_AT(0), USED_AT(0),
		    QUEUE_AT(1) + 16, LOW_SIZE - 1, LOW_SIZE - 512, LOW_SIZE, RAM_HIGH,
		    RAM_HIGH + HIGH_SIZE - 8, VIRTIO_MMIO_BASE, ~0ULL, ~0ULL - 15);
}

static void scribble_descriptors(unsigned int area)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 0xffffffff };
	struct vring_desc *desc;
	unsigned int i;

	for (i = 0; i < NUM; i++) {
		desc = unit_random_below(4) ? &desc_of(area)[i] :
		       (struct vring_desc *)at(DATA) + unit_random_below(8);
		desc->addr = random_address();
		desc->len = PICK(0, 1, 12, 16, 17, 32, 42, 64, 98, 512, 513, 1024, 0x10000,
				 0xffffffff);
		desc->flags = PICK(0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7);
		desc->next = PICK(0, 1, 2, 3, (i + 1) % NUM, (i + 1) % NUM, (i + 1) % NUM, NUM);
	}
	/* Now and then a disk's header that makes sense */
	memcpy(at(DATA), &types[unit_random_below(6)], 4);
	memset(at(DATA + 8), unit_random_below(3) ? 0 : 0xff, 8);
}

static void random_register(unsigned int slot)
{
	unsigned int offset = unit_random_below(VIRTIO_MMIO_CONFIG + 8);
	unsigned int len = 1 << unit_random_below(4);
	uint64_t value = PICK(0, 1, 2, 3, 4, 8, 15, 16, 0x80, 256, 0xffffffff, QUEUE_AT(0));

	if (unit_random_below(2)) {
		offset &= ~3;
		len = 4;
	}
	if (unit_random_below(2))
		virtio_mmio_write(&d, slot, offset, len, value);
	else
		virtio_mmio_read(&d, slot, offset, len);
}

static void random_step(unsigned int slot)
{
	unsigned int q = unit_random_below(2);

	switch (unit_random_below(12)) {
	case 0:
		random_register(slot);
		break;
	case 1:
		scribble_descriptors(q);
		break;
	case 2:
		avail_of(q)->idx = unit_random();
		break;
	case 3:
		avail_of(q)->flags = unit_random();
		avail_of(q)->ring[NUM] = unit_random();
		break;
	case 4:
		loop_poll();
		virtio_console_input(&d);
		break;
	default:
		avail_of(q)->ring[avail_of(q)->idx % NUM] = PICK(0, 1, 2, 3, 4, 5, 6, 7, 8);
		avail_of(q)->idx++;
		set(slot, VIRTIO_MMIO_QUEUE_NOTIFY, q);
		break;
	}
}

/* Sanitizers look on; what is asked here is that it ends, and works after a reset. */
TEST(fuzz)
{
	static const char *const kinds_and_options[][2] = {
		{ "blk", NULL }, { "net", "loop" }, { "console", "" }, { "rng", "" },
	};
	char path[32], link[32] = "socket=", *socket = link + 7;
	int fd = memfd_create("disk", MFD_CLOEXEC);
	unsigned int round, i, slot;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(socket, sizeof(link) - 7, "/tmp/tvx-unit-%u", getpid());
	ASSERT_TRUE(fd >= 0 && !ftruncate(fd, 0x8000));
	unit_seed(1);
	for (round = 0; round < 300; round++) {
		machine_start();
		typed = "some input for a console that is fuzzed";
		for (i = 0; i < 4; i++)
			EXPECT_EQ(add(kinds_and_options[i][0], kinds_and_options[i][1] ?: path), 0);
		EXPECT_EQ(add("net", link), 0);
		EXPECT_EQ(add("net", link), 0);
		slot = unit_random_below(6);
		for (i = 0; i < 100; i++) {
			if (!i || (broken(slot) && unit_random_below(2))) {
				drive(slot, offered(slot) & unit_random(), 0);
				scribble_descriptors(0);
				scribble_descriptors(1);
			}
			random_step(slot);
		}
		set(slot, VIRTIO_MMIO_STATUS, 0);
		drive(slot, 0, 0);
	}
	machine_stop();
	close(fd);
	EXPECT_TRUE(access(socket, F_OK));
}
