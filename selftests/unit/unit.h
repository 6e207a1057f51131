/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small harness for tests of pure kernel code in user space. A test program
 * is one C file: it includes this header, then the sources it tests, then has
 * tests, each of which is run once, in the order of the file:
 *
 *	TEST(name) { EXPECT_EQ(f(1), 2); }
 *
 * EXPECT_* records a failure and goes on, ASSERT_* also leaves the function
 * (which must return void). A WARN_ON() that fires fails the test unless the
 * test claims it with EXPECT_WARNED(). Memory from unit_zalloc(), which the
 * kernel allocators of include/linux/slab.h use as well, must be given back
 * before the test ends; unit_fail_alloc(n) makes the n-th next one fail.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bug.h>
#include <linux/slab.h>

#define UNIT_MAX_DIAG	20	/* lines of diagnosis for each test */

struct unit_test {
	const char *name;
	void (*fn)(void);
	struct unit_test *next;
};

static struct unit_test *unit_first, **unit_tail = &unit_first;
static unsigned long unit_failures;	/* of the running test */
static unsigned long unit_warnings;	/* of the running test, not yet claimed */
static long unit_live_allocs;
static unsigned long unit_alloc_calls;
static unsigned long unit_alloc_fail_at;

#define TEST(test)							\
	static void test_##test(void);					\
	static struct unit_test unit_##test = { #test, test_##test, NULL };	\
	static void __attribute__((constructor)) unit_add_##test(void)	\
	{								\
		*unit_tail = &unit_##test;				\
		unit_tail = &unit_##test.next;				\
	}								\
	static void test_##test(void)

static void __attribute__((format(printf, 3, 4), unused))
unit_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (unit_failures++ >= UNIT_MAX_DIAG)
		return;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

#define EXPECT(cond, ...) ({						\
	bool unit_ok = !!(cond);					\
	if (!unit_ok)							\
		unit_fail(__FILE__, __LINE__, "" __VA_ARGS__);		\
	unit_ok;							\
})

#define UNIT_CMP(a, op, b) ({						\
	__auto_type unit_a = (a);					\
	__auto_type unit_b = (b);					\
	bool unit_ok = unit_a op unit_b;				\
	if (!unit_ok)							\
		unit_fail(__FILE__, __LINE__, "%s " #op " %s: %#llx and %#llx", #a, #b,	\
			  (unsigned long long)unit_a, (unsigned long long)unit_b);	\
	unit_ok;							\
})

#define EXPECT_TRUE(cond)	EXPECT(cond, "not true: %s", #cond)
#define EXPECT_FALSE(cond)	EXPECT(!(cond), "not false: %s", #cond)
#define EXPECT_EQ(a, b)		UNIT_CMP(a, ==, b)
#define EXPECT_NE(a, b)		UNIT_CMP(a, !=, b)
#define EXPECT_LT(a, b)		UNIT_CMP(a, <, b)
#define EXPECT_LE(a, b)		UNIT_CMP(a, <=, b)
#define EXPECT_NULL(p)		EXPECT(!(p), "not NULL: %s", #p)
#define EXPECT_NOT_NULL(p)	EXPECT(p, "NULL: %s", #p)
#define EXPECT_STREQ(a, b) ({						\
	const char *unit_a = (a), *unit_b = (b);			\
	EXPECT(unit_a && unit_b && !strcmp(unit_a, unit_b), "%s is \"%s\", not \"%s\"",	\
	       #a, unit_a ?: "(null)", unit_b ?: "(null)");		\
})

/* Exactly @n WARNs fired since the test began or since the last claim. */
#define EXPECT_WARNED(n) ({						\
	unsigned long unit_w = unit_warnings;				\
	unit_warnings = 0;						\
	EXPECT(unit_w == (n), "%lu warnings, expected %lu", unit_w, (unsigned long)(n));	\
})

#define ASSERT_TRUE(cond)	do { if (!EXPECT_TRUE(cond)) return; } while (0)
#define ASSERT_FALSE(cond)	do { if (!EXPECT_FALSE(cond)) return; } while (0)
#define ASSERT_EQ(a, b)		do { if (!EXPECT_EQ(a, b)) return; } while (0)
#define ASSERT_NOT_NULL(p)	do { if (!EXPECT_NOT_NULL(p)) return; } while (0)

/* The failing allocator */

/* Let the @nth allocation from now on fail, once; 0 turns it off. */
static __attribute__((unused)) void unit_fail_alloc(unsigned long nth)
{
	unit_alloc_calls = 0;
	unit_alloc_fail_at = nth;
}

/* Is this the allocation that must fail? For allocators that tests bring along. */
static __attribute__((unused)) bool unit_alloc_fails(void)
{
	return ++unit_alloc_calls == unit_alloc_fail_at;
}

static __attribute__((unused)) void *unit_zalloc(size_t size)
{
	void *p = unit_alloc_fails() ? NULL : calloc(1, size ?: 1);

	unit_live_allocs += !!p;
	return p;
}

static __attribute__((unused)) void unit_free(const void *p)
{
	unit_live_allocs -= !!p;
	free((void *)p);
}

static void unit_warn(const char *file, int line, const char *what)
{
	unit_warnings++;
	printf("# WARN at %s:%d: %s\n", file, line, what);
}

/* A seeded xorshift: the same numbers in every run. */
static uint64_t unit_random_state;

static __attribute__((unused)) void unit_seed(uint64_t seed)
{
	unit_random_state = seed ?: 1;
}

static __attribute__((unused)) uint64_t unit_random(void)
{
	if (!unit_random_state)
		unit_seed(0x9e3779b97f4a7c15ull);
	unit_random_state ^= unit_random_state << 13;
	unit_random_state ^= unit_random_state >> 7;
	unit_random_state ^= unit_random_state << 17;
	return unit_random_state;
}

static __attribute__((unused)) uint64_t unit_random_below(uint64_t limit)
{
	return unit_random() % limit;
}

/* Run one test; true if it passed. */
static bool unit_run(const struct unit_test *t)
{
	unit_failures = 0;
	unit_warnings = 0;
	unit_live_allocs = 0;
	unit_fail_alloc(0);
	t->fn();
	if (unit_warnings)
		unit_fail(__FILE__, __LINE__, "%lu unexpected warnings", unit_warnings);
	if (unit_live_allocs)
		unit_fail(__FILE__, __LINE__, "%ld allocations not freed", unit_live_allocs);
	return !unit_failures;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;	/* run just this test */
	unsigned long total = 0, nr = 0, failed = 0;
	struct unit_test *t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (t = unit_first; t; t = t->next)
		total += !only || !strcmp(t->name, only);
	printf("TAP version 13\n1..%lu\n", total);
	for (t = unit_first; t; t = t->next) {
		if (only && strcmp(t->name, only))
			continue;
		if (unit_run(t)) {
			printf("ok %lu - %s\n", ++nr, t->name);
		} else {
			printf("not ok %lu - %s\n", ++nr, t->name);
			failed++;
		}
	}
	return !total || failed;
}

#endif /* UNIT_H */
