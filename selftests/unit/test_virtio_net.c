// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's virtio network device: the station that answers, and two machines on a wire. */
#define _GNU_SOURCE
#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "virtio_guest.h"

#define RX	0
#define TX	1
#define HEADER	sizeof(struct virtio_net_hdr_v1)
#define LINK_AT	(VIRTIO_MMIO_CONFIG + offsetof(struct virtio_net_config, status))
#define OUT_AT	DATA
#define IN_AT	(DATA + 0x10000)

/* One frame from the header on; @area is the device's first. */
static void send_frame(unsigned int area, const void *frame, size_t len)
{
	memset(at(OUT_AT), 0, HEADER);
	memcpy(at(OUT_AT + HEADER), frame, len);
	PUT(area + TX, { OUT_AT, HEADER, 0 }, { OUT_AT + HEADER, len, 0 });
	kick(area + TX);
	EXPECT_EQ(get_used(area + TX), 0L);
}

static void offer_room(unsigned int area, uint32_t len)
{
	memset(at(IN_AT), 0xee, HEADER + len);
	PUT(area + RX, { IN_AT, HEADER + len, IN });
	kick(area + RX);
}

static const uint8_t *frame_in(void)
{
	return (uint8_t *)at(IN_AT) + HEADER;
}

static void start_net(const char *options)
{
	machine_start();
	EXPECT_EQ(add("net", options), 0);
	drive(0, VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS), 0);
}

/* ---- options -------------------------------------------------------------- */

#define EXPECT_REFUSED(options, words) ({				\
	EXPECT_EQ(add("net", options), -EINVAL);			\
	EXPECT(strstr(error, words), "\"%s\" is not in \"%s\"", words, error);	\
})

TEST(options)
{
	machine_start();
	EXPECT_REFUSED(NULL, "one of tap=NAME");
	EXPECT_REFUSED("mac=52:54:00:12:34:56", "no tap=NAME");
	EXPECT_REFUSED("slirp", "\"slirp\": one of");
	EXPECT_REFUSED("loop,loop", "one of");
	EXPECT_REFUSED("loop=1", "use loop");
	EXPECT_REFUSED("tap", "use tap=NAME");
	EXPECT_REFUSED("socket=", "use socket=PATH");
	EXPECT_REFUSED("loop,mac=52:54:00:12:34", "not the MAC");
	EXPECT_REFUSED("loop,mac=52:54:00:12:34:5g", "not the MAC");
	EXPECT_REFUSED("loop,mac=52:54:00:12:34:567", "not the MAC");
	EXPECT_REFUSED("loop,mac=ff:ff:ff:ff:ff:ff", "not the MAC");
	EXPECT_REFUSED("tap=name-that-is-too-long", "tap interface name-that-is-too-long");
	EXPECT_EQ(virtio_count(&d), 0U);
}

TEST(config)
{
	unsigned int i;

	start_net("loop,mac=52:54:00:aB:34:56");
	EXPECT_EQ(reg(0, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_NET);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_CONFIG), 0xab005452U);
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_CONFIG + 5, 1), 0x56ULL);
	EXPECT_EQ(virtio_mmio_read(&d, 0, LINK_AT, 2), VIRTIO_NET_S_LINK_UP);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(add("net", "loop"), 0);
	EXPECT_EQ(reg(1, VIRTIO_MMIO_CONFIG) & 0xffffff, 0x005452U);
	EXPECT_NE(reg(1, VIRTIO_MMIO_CONFIG + 2), reg(2, VIRTIO_MMIO_CONFIG + 2));
}

/* ---- the station ---------------------------------------------------------- */

static const uint8_t arp_request[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 0x08, 0x06,
	0, 1, 0x08, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 1, 2, 3, 10, 0, 2, 15,
	0, 0, 0, 0, 0, 0, 10, 0, 2, 2,
};

static const uint8_t arp_reply[] = {
	0x52, 0x54, 0, 1, 2, 3, 0x52, 0x55, 10, 0, 2, 2, 0x08, 0x06,
	0, 1, 0x08, 0, 6, 4, 0, 2, 0x52, 0x55, 10, 0, 2, 2, 10, 0, 2, 2,
	0x52, 0x54, 0, 1, 2, 3, 10, 0, 2, 15,
};

static const uint8_t ping[] = {
	0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 1, 2, 3, 0x08, 0x00,
	0x45, 0, 0, 32, 0, 1, 0, 0, 64, 1, 0x62, 0xcb, 10, 0, 2, 15, 10, 0, 2, 2,
	8, 0, 0xf7, 0xfc, 0, 1, 0, 2, 0, 0, 0, 0,
};

static uint16_t sum(const uint8_t *data, unsigned int len)
{
	uint32_t total = 0;
	unsigned int i;

	for (i = 0; i < len; i += 2)
		total += data[i] << 8 | data[i + 1];
	total = (total & 0xffff) + (total >> 16);
	return (total & 0xffff) + (total >> 16);
}

TEST(arp)
{
	const struct virtio_net_hdr_v1 header = { .num_buffers = 1 };

	start_net("loop");
	offer_room(0, 1514);
	send_frame(0, arp_request, sizeof(arp_request));
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(arp_reply)));
	EXPECT_EQ(memcmp(frame_in(), arp_reply, sizeof(arp_reply)), 0);
	EXPECT_EQ(memcmp(at(IN_AT), &header, HEADER), 0);
	EXPECT_TRUE(line[16]);
}

TEST(echo)
{
	start_net("loop");
	EXPECT_EQ(sum(ping + 34, 12), 0xffff);
	offer_room(0, 1514);
	send_frame(0, ping, sizeof(ping));
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(ping)));
	EXPECT_EQ(memcmp(frame_in(), ping + 6, 6), 0);
	EXPECT_EQ(memcmp(frame_in() + 26, ping + 30, 4), 0);
	EXPECT_EQ(memcmp(frame_in() + 30, ping + 26, 4), 0);
	EXPECT_EQ(frame_in()[34], 0);
	EXPECT_EQ(sum(frame_in() + 14, 20), sum(ping + 14, 20));
	EXPECT_EQ(sum(frame_in() + 34, 12), 0xffff);
}

/* What one byte makes another thing is not answered. */
TEST(unanswered)
{
	static const struct {
		unsigned int at;
		uint8_t value;
	} arp_cases[] = { { 13, 0 }, { 15, 2 }, { 16, 0x86 }, { 21, 2 }, { 41, 3 } },
	  ping_cases[] = { { 13, 6 }, { 14, 0x46 }, { 14, 0x65 }, { 17, 33 }, { 23, 17 }, { 33, 3 },
			   { 34, 13 } };
	uint8_t frame[64];
	unsigned int i;

	start_net("loop");
	offer_room(0, 1514);
	for (i = 0; i < sizeof(arp_cases) / sizeof(arp_cases[0]); i++) {
		memcpy(frame, arp_request, sizeof(arp_request));
		frame[arp_cases[i].at] = arp_cases[i].value;
		send_frame(0, frame, sizeof(arp_request));
	}
	for (i = 0; i < sizeof(ping_cases) / sizeof(ping_cases[0]); i++) {
		memcpy(frame, ping, sizeof(ping));
		frame[ping_cases[i].at] = ping_cases[i].value;
		send_frame(0, frame, sizeof(ping));
	}
	for (i = 0; i < sizeof(arp_request); i++)
		send_frame(0, i & 1 ? arp_request : ping, i < 42 ? i : 41);
	EXPECT_EQ(get_used(RX), -1L);
	send_frame(0, ping, sizeof(ping));
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(ping)));
}

TEST(no_room)
{
	start_net("loop");
	send_frame(0, ping, sizeof(ping));		/* lost */
	offer_room(0, sizeof(ping) - 1);		/* too small */
	send_frame(0, ping, sizeof(ping));
	EXPECT_EQ(get_used(RX), 0L);
	EXPECT_EQ(((uint8_t *)at(IN_AT))[0], 0xee);
	offer_room(0, sizeof(ping));
	send_frame(0, ping, sizeof(ping));
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(ping)));
}

TEST(frames_that_are_none)
{
	start_net("loop");
	PUT(TX, { OUT_AT, HEADER, 0 });
	PUT(TX, { OUT_AT, 3, 0 });
	PUT(TX, { OUT_AT, 64, IN });
	PUT(TX, { OUT_AT, HEADER + NET_FRAME_MAX + 1, 0 });
	PUT(TX, { OUT_AT, HEADER + NET_FRAME_MAX, 0 });
	kick(TX);
	EXPECT_EQ(used_of(TX)->idx, 5);
	EXPECT_FALSE(reg(0, VIRTIO_MMIO_STATUS) & RESET_NEEDED);
}

/* ---- two machines --------------------------------------------------------- */

static char wire[64];

/* Slot 0 listens, slot 1 joins it; areas 0 and 2. */
static void start_wire(void)
{
	char option[80];

	snprintf(wire, sizeof(wire), "/tmp/tinyvmx-unit-wire-%d", getpid());
	snprintf(option, sizeof(option), "socket=%s", wire);
	unlink(wire);
	machine_start();
	EXPECT_EQ(add("net", option), 0);
	EXPECT_EQ(virtio_mmio_read(&d, 0, LINK_AT, 2), 0ULL);
	EXPECT_EQ(add("net", option), 0);
	EXPECT_EQ(virtio_mmio_read(&d, 1, LINK_AT, 2), VIRTIO_NET_S_LINK_UP);
	drive(0, VIRTIO_BIT(VIRTIO_NET_F_STATUS), 0);
	drive(1, VIRTIO_BIT(VIRTIO_NET_F_STATUS), 2);
}

TEST(wire)
{
	uint32_t generation;

	start_wire();
	generation = reg(0, VIRTIO_MMIO_CONFIG_GENERATION);
	send_frame(0, ping, sizeof(ping));		/* nobody is there */
	/* The listener notices, and its driver does. */
	while (loop_poll())
		;
	EXPECT_EQ(virtio_mmio_read(&d, 0, LINK_AT, 2), VIRTIO_NET_S_LINK_UP);
	EXPECT_NE(reg(0, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG,
		  VIRTIO_MMIO_INT_CONFIG);

	offer_room(2, 1514);
	send_frame(0, ping, sizeof(ping));
	while (loop_poll())
		;
	EXPECT_EQ(get_used(2 + RX), (long)(HEADER + sizeof(ping)));
	EXPECT_EQ(memcmp(frame_in(), ping, sizeof(ping)), 0);
	/* Without room frames wait in the socket, and the loop does not spin. */
	send_frame(2, arp_request, sizeof(arp_request));
	send_frame(2, ping, sizeof(ping));
	while (loop_poll())
		;
	offer_room(0, 1514);
	while (loop_poll())
		;
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(arp_request)));
	offer_room(0, 1514);
	while (loop_poll())
		;
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(ping)));
	machine_stop();
	EXPECT_TRUE(access(wire, F_OK));
}

/* A peer that does not read loses frames; the sender does not wait. */
TEST(slow_peer)
{
	unsigned int i;

	start_wire();
	while (loop_poll())
		;
	for (i = 0; i < 5000; i++)
		send_frame(2, ping, sizeof(ping));
	EXPECT_EQ(used_of(2 + TX)->idx, 5000);
	machine_stop();
}

TEST(peer_goes_and_comes)
{
	char option[80];

	start_wire();
	snprintf(option, sizeof(option), "socket=%s", wire);
	while (loop_poll())
		;
	offer_room(0, 1514);
	destroy_device(d.virtio.slot[--d.virtio.count]);
	while (loop_poll())
		;
	EXPECT_EQ(virtio_mmio_read(&d, 0, LINK_AT, 2), 0ULL);
	EXPECT_EQ(add("net", option), 0);
	drive(1, 0, 2);
	while (loop_poll())
		;
	EXPECT_EQ(virtio_mmio_read(&d, 0, LINK_AT, 2), VIRTIO_NET_S_LINK_UP);
	send_frame(2, ping, sizeof(ping));
	while (loop_poll())
		;
	EXPECT_EQ(get_used(RX), (long)(HEADER + sizeof(ping)));
	machine_stop();
}

TEST(sockets_left_behind)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	char option[80];
	struct stat st;

	snprintf(wire, sizeof(wire), "/tmp/tinyvmx-unit-wire-%d", getpid());
	snprintf(option, sizeof(option), "socket=%s", wire);
	strcpy(address.sun_path, wire);
	EXPECT_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	machine_start();
	EXPECT_EQ(add("net", option), 0);
	EXPECT_TRUE(!stat(wire, &st) && S_ISSOCK(st.st_mode));
	machine_stop();
	/* What is no socket is not ours to remove. */
	fd = open(wire, O_CREAT | O_WRONLY, 0600);
	close(fd);
	EXPECT_TRUE(add("net", option) < 0);
	EXPECT_EQ(access(wire, F_OK), 0);
	unlink(wire);
	EXPECT_EQ(add("net", "socket=/nonexistent/wire"), -ENOENT);
	EXPECT_TRUE(strstr(error, "/nonexistent/wire: No such file"));
}

/* The ends start when the parent closes GO, say in TOLD what they are, stop when it closes STOP. */
enum { GO, TOLD, STOP, PIPES };

static void await_close(int fd[2])
{
	char c;

	close(fd[1]);
	EXPECT_EQ(read(fd[0], &c, 1), 0);
}

/* Tells 'u' if it has found a peer, 'd' if it waits for one, 'e' on an error. */
static void be_an_end(int pipes[PIPES][2], const char *option)
{
	char state = 'e';

	machine_start();
	close(pipes[STOP][1]);
	await_close(pipes[GO]);
	if (!add("net", option))
		state = virtio_mmio_read(&d, 0, LINK_AT, 2) ? 'u' : 'd';
	EXPECT_EQ(write(pipes[TOLD][1], &state, 1), 1);
	await_close(pipes[STOP]);
	machine_stop();
	_exit(0);
}

/* Do two ends that are made at the same time find each other? */
static bool two_ends_meet(const char *option)
{
	int pipes[PIPES][2], i;
	char told[2];

	for (i = 0; i < PIPES; i++)
		if (pipe(pipes[i]))
			abort();
	for (i = 0; i < 2; i++)
		if (!fork())
			be_an_end(pipes, option);
	close(pipes[GO][1]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(read(pipes[TOLD][0], &told[i], 1), 1);
	close(pipes[STOP][1]);
	while (wait(NULL) > 0)
		;
	for (i = 0; i < PIPES; i++)
		close(pipes[i][0]);
	close(pipes[TOLD][1]);
	return told[0] + told[1] == 'u' + 'd';
}

TEST(two_start_at_once)
{
	char option[80], lock[80];
	int i, met = 0;

	snprintf(wire, sizeof(wire), "/tmp/tinyvmx-unit-wire-%d", getpid());
	snprintf(option, sizeof(option), "socket=%s", wire);
	snprintf(lock, sizeof(lock), "%s.lock", wire);
	unlink(wire);
	for (i = 0; i < 500; i++)
		met += two_ends_meet(option);
	EXPECT_EQ(met, 500);
	EXPECT_TRUE(access(wire, F_OK) && access(lock, F_OK));
}
