// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's virtio disk: requests on a file, and which of them fail. */
#define _GNU_SOURCE
#include "unit.h"

#include "virtio_guest.h"

#define SECTORS	64
#define HEADER	DATA
#define BUFFER	(DATA + 0x1000)
#define STATUS	(DATA + 0x800)

static char path[64];
static int disk = -1;

static uint8_t byte_of(unsigned int at_byte)
{
	return at_byte / SECTOR * 7 + at_byte;
}

/* Each sector has contents of its own; some bytes more are no sector. */
static void make_disk(void)
{
	uint8_t image[SECTORS * SECTOR + 100];
	unsigned int i;

	for (i = 0; i < sizeof(image); i++)
		image[i] = byte_of(i);
	if (disk < 0) {
		strcpy(path, "/tmp/tinyvmx-unit-disk-XXXXXX");
		disk = mkstemp(path);
	}
	EXPECT_TRUE(disk >= 0 && pwrite(disk, image, sizeof(image), 0) == sizeof(image));
	EXPECT_EQ(ftruncate(disk, sizeof(image)), 0);
}

static void start_disk(const char *options, uint64_t features)
{
	char text[80];

	make_disk();
	machine_start();
	snprintf(text, sizeof(text), "%s%s", path, options);
	EXPECT_EQ(add("blk", text), 0);
	drive(0, features, 0);
}

static void end_disk(void)
{
	machine_stop();
	close(disk);
	unlink(path);
	disk = -1;
}

static void write_header(uint32_t type, uint64_t sector)
{
	*(struct virtio_blk_outhdr *)at(HEADER) = (struct virtio_blk_outhdr){ type, 0, sector };
	*(uint8_t *)at(STATUS) = 0xee;
}

/* Header, @len bytes at BUFFER, status; returns the status. */
static int do_request(uint32_t type, uint64_t sector, uint32_t len)
{
	write_header(type, sector);
	if (len)
		PUT(0, { HEADER, 16, 0 }, { BUFFER, len, type & 1 ? 0 : IN }, { STATUS, 1, IN });
	else
		PUT(0, { HEADER, 16, 0 }, { STATUS, 1, IN });
	kick(0);
	return *(uint8_t *)at(STATUS);
}

static unsigned int wrong_bytes(uint64_t gpa, unsigned int from, unsigned int len)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < len; i++)
		wrong += *((uint8_t *)at(gpa) + i) != byte_of(from + i);
	return wrong;
}

TEST(config)
{
	struct virtio_blk_config config;

	start_disk("", 0);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BLOCK);
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_CONFIG, 8), SECTORS);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_CONFIG), SECTORS);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, blk_size)), 512U);
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_CONFIG + sizeof(config) - 1, 8), 0ULL);
	EXPECT_EQ(virtio_mmio_read(&d, 0, VIRTIO_MMIO_CONFIG + sizeof(config), 1), 0ULL);
	EXPECT_EQ(virtio_mmio_read(&d, 0, ~0ULL, 8), 0ULL);
	virtio_mmio_write(&d, 0, VIRTIO_MMIO_CONFIG, 4, 1);
	EXPECT_EQ(reg(0, VIRTIO_MMIO_CONFIG), SECTORS);
	EXPECT_TRUE(offered(0) & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	EXPECT_FALSE(offered(0) & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	end_disk();
}

TEST(reading)
{
	start_disk("", 0);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 3, 1024), VIRTIO_BLK_S_OK);
	EXPECT_EQ(get_used(0), 1025L);
	EXPECT_EQ(wrong_bytes(BUFFER, 3 * SECTOR, 1024), 0U);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 0, SECTORS * SECTOR), VIRTIO_BLK_S_OK);
	EXPECT_EQ(wrong_bytes(BUFFER, 0, SECTORS * SECTOR), 0U);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 5, 0), VIRTIO_BLK_S_OK);
	end_disk();
}

TEST(writing)
{
	uint8_t sector[SECTOR];

	start_disk("", VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	memset(at(BUFFER), 0xa5, SECTOR);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_OUT, 7, SECTOR), VIRTIO_BLK_S_OK);
	EXPECT_EQ(get_used(0), 1L);
	EXPECT_EQ(pread(disk, sector, SECTOR, 7 * SECTOR), SECTOR);
	EXPECT_EQ(memcmp(sector, at(BUFFER), SECTOR), 0);
	EXPECT_EQ(pread(disk, sector, 1, 8 * SECTOR), 1);
	EXPECT_EQ(sector[0], byte_of(8 * SECTOR));
	EXPECT_EQ(do_request(VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(get_used(0), 1L);
	/* A driver without FLUSH */
	drive(0, 0, 0);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_OUT, 8, SECTOR), VIRTIO_BLK_S_OK);
	end_disk();
}

/* Descriptors cut a request where the driver likes. */
TEST(segments)
{
	unsigned int i;

	start_disk("", 0);
	write_header(VIRTIO_BLK_T_IN, 2);
	PUT(0, { HEADER, 3, 0 }, { HEADER + 3, 13, 0 }, { BUFFER, 500, IN },
	    { RAM_HIGH, 1, IN }, { BUFFER + 501, 523, IN }, { STATUS, 1, IN });
	kick(0);
	EXPECT_EQ(*(uint8_t *)at(STATUS), VIRTIO_BLK_S_OK);
	EXPECT_EQ(get_used(0), 1025L);
	*((uint8_t *)at(BUFFER) + 500) = *(uint8_t *)at(RAM_HIGH);
	EXPECT_EQ(wrong_bytes(BUFFER, 2 * SECTOR, 1024), 0U);
	/* The status behind data in one piece, and data behind the header */
	write_header(VIRTIO_BLK_T_IN, 9);
	PUT(0, { HEADER, 16, 0 }, { BUFFER, 513, IN });
	kick(0);
	EXPECT_EQ(((uint8_t *)at(BUFFER))[512], VIRTIO_BLK_S_OK);
	EXPECT_EQ(wrong_bytes(BUFFER, 9 * SECTOR, 512), 0U);
	write_header(VIRTIO_BLK_T_OUT, 9);
	for (i = 0; i < SECTOR; i++)
		((uint8_t *)at(HEADER))[16 + i] = byte_of(i);
	PUT(0, { HEADER, 16 + SECTOR, 0 }, { STATUS, 1, IN });
	kick(0);
	EXPECT_EQ(*(uint8_t *)at(STATUS), VIRTIO_BLK_S_OK);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 9, SECTOR), VIRTIO_BLK_S_OK);
	EXPECT_EQ(wrong_bytes(BUFFER, 0, SECTOR), 0U);
	end_disk();
}

TEST(out_of_range)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} cases[] = {
		{ SECTORS, 512 }, { SECTORS - 1, 1024 }, { SECTORS + 1, 512 }, { ~0ULL, 512 },
		{ 1ULL << 55, 512 }, { (1ULL << 55) - 1, 1024 }, { 1ULL << 63, 512 },
		{ SECTORS + 1, 0 }, { 0, 511 }, { 0, 1 }, { 0, 513 }, { 0, (SECTORS + 1) * 512 },
	};
	unsigned int i;
	struct stat st;

	start_disk("", 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT(do_request(VIRTIO_BLK_T_IN, cases[i].sector, cases[i].len) ==
		       VIRTIO_BLK_S_IOERR, "case %u, read", i);
		EXPECT(do_request(VIRTIO_BLK_T_OUT, cases[i].sector, cases[i].len) ==
		       VIRTIO_BLK_S_IOERR, "case %u, write", i);
	}
	EXPECT_TRUE(!fstat(disk, &st) && st.st_size == SECTORS * SECTOR + 100);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(wrong_bytes(BUFFER, 0, 512), 0U);
	/* The file becomes shorter behind our back. */
	EXPECT_EQ(ftruncate(disk, 700), 0);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 1, 512), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(get_used(0), 1L);
	end_disk();
}

TEST(read_only)
{
	start_disk(",ro", 0);
	EXPECT_TRUE(offered(0) & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	EXPECT_EQ(do_request(VIRTIO_BLK_T_OUT, 0, SECTOR), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 0, SECTOR), VIRTIO_BLK_S_OK);
	EXPECT_EQ(wrong_bytes(BUFFER, 0, SECTOR), 0U);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	end_disk();
}

TEST(identity_and_unknown)
{
	start_disk("", 0);
	memset(at(BUFFER), 0xff, 32);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES), VIRTIO_BLK_S_OK);
	EXPECT_EQ(memcmp(at(BUFFER), "tinyvmx-unit-disk-", 18), 0);
	EXPECT_EQ(((uint8_t *)at(BUFFER))[20], 0xff);
	EXPECT_EQ(get_used(0), 21L);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_GET_ID, 0, 4), VIRTIO_BLK_S_OK);
	EXPECT_EQ(get_used(0), 5L);
	EXPECT_EQ(do_request(VIRTIO_BLK_T_DISCARD, 0, SECTOR), VIRTIO_BLK_S_UNSUPP);
	EXPECT_EQ(do_request(0x1234, 0, 0), VIRTIO_BLK_S_UNSUPP);
	end_disk();
}

/* Without room for a status there is no way to answer. */
TEST(bad_headers)
{
	static const struct segment cases[][3] = {
		{ { HEADER, 15, 0 }, { STATUS, 1, IN } },
		{ { HEADER, 16, 0 } },
		{ { HEADER, 16, IN } },
		{ { HEADER, 16, 0 }, { STATUS, 0, IN } },
		{ { STATUS, 1, IN }, { STATUS, 1, IN } },
		{ { HEADER, 0, 0 } },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_disk("", 0);
		write_header(VIRTIO_BLK_T_IN, 0);
		put_segments(0, cases[i], cases[i][1].gpa ? 2 : 1);
		kick(0);
		EXPECT(reg(0, VIRTIO_MMIO_STATUS) & RESET_NEEDED, "case %u", i);
		EXPECT_EQ(get_used(0), -1L);
		drive(0, 0, 0);
		EXPECT_EQ(do_request(VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
		end_disk();
	}
}

/* The same memory over and over: more than a request may have. */
TEST(too_long)
{
	struct vring_desc *table;
	unsigned int i;

	start_disk("", INDIRECT);
	write_header(VIRTIO_BLK_T_IN, 0);
	table = at(BUFFER);
	table[0] = (struct vring_desc){ HEADER, 16, VRING_DESC_F_NEXT, 1 };
	for (i = 1; i < 200; i++)
		table[i] = (struct vring_desc){ DATA, 0x80000, IN | VRING_DESC_F_NEXT, i + 1 };
	table[200] = (struct vring_desc){ STATUS, 1, IN, 0 };
	PUT(0, { BUFFER, 201 * 16, VRING_DESC_F_INDIRECT });
	kick(0);
	EXPECT_TRUE(reg(0, VIRTIO_MMIO_STATUS) & RESET_NEEDED);
	end_disk();
}

#define EXPECT_REFUSED(options, err, words) ({				\
	EXPECT_EQ(add("blk", options), err);				\
	EXPECT(strstr(error, words), "\"%s\" is not in \"%s\"", words, error);	\
})

TEST(options)
{
	char text[80];

	start_disk("", 0);
	EXPECT_REFUSED(NULL, -EINVAL, "no file");
	EXPECT_REFUSED(",ro", -EINVAL, "no file");
	EXPECT_REFUSED("/nonexistent/disk", -ENOENT, "/nonexistent/disk: No such file");
	EXPECT_REFUSED("/tmp,ro", -EINVAL, "neither a file nor");
	EXPECT_REFUSED("/dev/null", -EINVAL, "neither a file nor");
	snprintf(text, sizeof(text), "%s,rw", path);
	EXPECT_REFUSED(text, -EINVAL, "rw: not an option");
	EXPECT_REFUSED(path, -EWOULDBLOCK, "in use");
	snprintf(text, sizeof(text), "%s,ro", path);
	EXPECT_REFUSED(text, -EWOULDBLOCK, "in use");
	EXPECT_EQ(virtio_count(&d), 1U);
	virtio_destroy(&d);
	EXPECT_EQ(add("blk", text), 0);
	EXPECT_EQ(add("blk", text), 0);		/* readers do not disturb each other */
	EXPECT_REFUSED(path, -EWOULDBLOCK, "in use");
	virtio_destroy(&d);
	EXPECT_EQ(ftruncate(disk, 511), 0);
	EXPECT_REFUSED(path, -EINVAL, "less than a sector");
	end_disk();
}
