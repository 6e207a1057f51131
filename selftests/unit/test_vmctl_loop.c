// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's event loop, and the console on it. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tools/vmctl/loop.c"

/* The console on pipes of ours. */
#include "tools/vmctl/stop.h"

static int stop_signal, to_console[2], from_console[2];

int stop_reason(void)
{
	return stop_signal;
}

void stop_request(int reason)
{
	stop_signal = reason;
}

#undef STDIN_FILENO
#undef STDOUT_FILENO
#define STDIN_FILENO	to_console[0]
#define STDOUT_FILENO	from_console[1]
#include "tools/vmctl/keys.c"
#include "tools/vmctl/console.c"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct loop l;
static unsigned int calls, others;
static int ends[2];

/* The lock is held in callbacks. */
static void count(void *ctx)
{
	EXPECT_EQ(pthread_mutex_trylock(&lock), EBUSY);
	calls++;
	if (ctx && calls == *(unsigned int *)ctx)
		loop_end(&l);
}

static void end(void *ctx)
{
	others++;
	loop_end(&l);
}

static void take_one(void *ctx)
{
	unsigned int enough = 3;
	char c;

	EXPECT_EQ(read(ends[0], &c, 1), 1);
	count(&enough);
}

static void start(void)
{
	calls = 0;
	others = 0;
	ASSERT_EQ(loop_init(&l, &lock), 0);
	ASSERT_EQ(pipe(ends), 0);
}

static void finish(void)
{
	loop_destroy(&l);
	close(ends[0]);
	close(ends[1]);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

TEST(files)
{
	start();
	EXPECT_EQ(write(ends[1], "abc", 3), 3);
	EXPECT_LE(0, loop_add(&l, ends[0], take_one, NULL));
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(calls, 3U);
	EXPECT_EQ(pthread_mutex_trylock(&lock), 0);
	pthread_mutex_unlock(&lock);
	finish();
}

TEST(end_of_file)
{
	unsigned int enough = 1;

	start();
	loop_add(&l, ends[0], count, &enough);
	close(ends[1]);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(calls, 1U);
	finish();
}

TEST(pause_and_remove)
{
	struct pollfd pfd[LOOP_MAX_SOURCES + 1];
	unsigned int sources[LOOP_MAX_SOURCES + 1];
	int source, timer;

	start();
	EXPECT_EQ(write(ends[1], "x", 1), 1);
	source = loop_add(&l, ends[0], count, NULL);
	EXPECT_EQ(list_sources(&l, pfd, sources), 2U);
	loop_pause(&l, source, true);
	EXPECT_EQ(list_sources(&l, pfd, sources), 1U);	/* not even waited for */
	timer = loop_add_timer(&l, end, NULL);
	loop_arm(&l, timer, 5000000, 0);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(calls, 0U);
	/* Its place is taken by the next one. */
	loop_remove(&l, source);
	EXPECT_EQ(loop_add(&l, ends[0], end, NULL), source);
	l.ended = false;
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(others, 2U);
	EXPECT_EQ(calls, 0U);
	finish();
}

static int victim;

static void pause_victim(void *ctx)
{
	others++;
	loop_pause(&l, victim, true);
}

static void remove_victim(void *ctx)
{
	others++;
	loop_remove(&l, victim);
}

/* What one callback does to another that is due as well */
TEST(changes_by_a_callback)
{
	static const loop_fn first[] = { pause_victim, remove_victim, end };
	unsigned int i;
	int spoiler;

	for (i = 0; i < 3; i++) {
		start();
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		spoiler = loop_add(&l, ends[0], first[i], NULL);
		victim = loop_add(&l, ends[0], count, NULL);
		EXPECT_LT(spoiler, victim);
		EXPECT_EQ(wait_once(&l), 0);
		EXPECT_EQ(others, 1U);
		EXPECT_EQ(calls, 0U);
		finish();
	}
}

TEST(removed_timer_is_closed)
{
	int timer, fd;

	start();
	timer = loop_add_timer(&l, count, NULL);
	fd = l.source[timer].fd;
	loop_remove(&l, timer);
	EXPECT_EQ(fcntl(fd, F_GETFD), -1);
	finish();
	EXPECT_EQ(fcntl(l.wake_fd, F_GETFD), -1);
}

TEST(timers)
{
	unsigned int enough = 5;
	uint64_t before;
	int once, again, never;

	start();
	again = loop_add_timer(&l, count, &enough);
	never = loop_add_timer(&l, end, NULL);
	loop_arm(&l, never, 3000000, 0);
	loop_arm(&l, never, 0, 0);
	before = now_ms();
	loop_arm(&l, again, 20000000, 5000000);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(calls, 5U);
	EXPECT_EQ(others, 0U);
	EXPECT_LE(35U, now_ms() - before);	/* never early */
	loop_arm(&l, again, 0, 0);
	once = loop_add_timer(&l, count, NULL);
	loop_arm(&l, once, 1, 0);
	loop_arm(&l, never, 20000000, 0);
	l.ended = false;
	calls = 5;
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(calls, 6U);
	finish();
}

TEST(full)
{
	int i, last = 0;

	start();
	for (i = 0; i < LOOP_MAX_SOURCES; i++)
		EXPECT_EQ(loop_add(&l, ends[0], count, NULL), i);
	EXPECT_EQ(loop_add(&l, ends[0], count, NULL), -ENOSPC);
	last = dup(0);
	close(last);
	EXPECT_EQ(loop_add_timer(&l, count, NULL), -ENOSPC);
	i = dup(0);
	EXPECT_EQ(i, last);		/* its file was closed */
	close(i);
	finish();
}

static void after(unsigned int ms)
{
	usleep(ms * 1000);
}

static void *add_source(void *ctx)
{
	after(20);
	pthread_mutex_lock(&lock);
	loop_add(&l, ends[0], end, NULL);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *resume_source(void *ctx)
{
	after(20);
	pthread_mutex_lock(&lock);
	loop_pause(&l, *(int *)ctx, false);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *arm_timer(void *ctx)
{
	after(20);
	pthread_mutex_lock(&lock);
	loop_arm(&l, *(int *)ctx, 1000, 0);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *end_loop(void *ctx)
{
	after(20);
	loop_end(&l);
	return NULL;
}

/* A change by another thread while the loop waits is seen; otherwise the test hangs. */
TEST(changes_while_it_waits)
{
	void *(*const threads[])(void *ctx) = {
		add_source, resume_source, arm_timer, end_loop,
	};
	unsigned int i;
	pthread_t thread;
	int which;

	for (i = 0; i < 4; i++) {
		start();
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		which = loop_add_timer(&l, end, NULL);
		if (threads[i] == resume_source) {
			which = loop_add(&l, ends[0], end, NULL);
			loop_pause(&l, which, true);
		}
		ASSERT_EQ(pthread_create(&thread, NULL, threads[i], &which), 0);
		EXPECT_EQ(loop_run(&l), 0);
		pthread_join(thread, NULL);
		EXPECT_EQ(others, threads[i] == end_loop ? 0U : 1U);
		finish();
	}
}

static void on_signal(int sig)
{
	loop_end(&l);
}

TEST(end_by_a_signal)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	start();
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 0);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_EQ(loop_run(&l), 0);	/* it has ended */
	finish();
}

/* ---- console ---- */

static struct console c;
static char got[1000];
static unsigned int nr_got, room;

static void open_console(void)
{
	start();
	ASSERT_EQ(pipe(to_console), 0);
	ASSERT_EQ(pipe(from_console), 0);
	fcntl(from_console[0], F_SETFL, O_NONBLOCK);
	nr_got = 0;
	stop_signal = 0;
	console_init(&c);
}

static void close_console(void)
{
	close(to_console[0]);
	close(from_console[0]);
	close(from_console[1]);
	finish();
}

/* What was written since the last call. */
static const char *written(void)
{
	static char buf[4096];
	ssize_t n = read(from_console[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static void put(const char *s)
{
	while (*s)
		c.chardev.put(c.chardev.ctx, *s++);
}

TEST(console_at_once)
{
	open_console();
	put("a");
	EXPECT_STREQ(written(), "a");
	EXPECT_FALSE(c.out_at_line_start);
	put("\n");
	EXPECT_TRUE(c.out_at_line_start);
	EXPECT_EQ(c.chardev.get(c.chardev.ctx), -1);
	EXPECT_EQ(write(to_console[1], "xy", 2), 2);
	EXPECT_EQ(c.chardev.get(c.chardev.ctx), 'x');
	close(to_console[1]);
	EXPECT_EQ(c.chardev.get(c.chardev.ctx), 'y');
	EXPECT_EQ(c.chardev.get(c.chardev.ctx), -1);
	EXPECT_TRUE(c.in_closed);
	close_console();
}

TEST(console_gathers)
{
	int timer;

	open_console();
	ASSERT_EQ(console_attach(&c, &l, count, NULL), 0);
	put("half");
	EXPECT_STREQ(written(), "");
	put(" a line\nand");
	EXPECT_STREQ(written(), "half a line\n");
	/* The rest goes after a moment. */
	timer = loop_add_timer(&l, end, NULL);
	loop_arm(&l, timer, 50000000, 0);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_STREQ(written(), "and");
	put("end");
	console_flush(&c);
	EXPECT_STREQ(written(), "end");
	close(to_console[1]);
	close_console();
}

TEST(console_output_ends)
{
	open_console();
	ASSERT_EQ(console_attach(&c, &l, count, NULL), 0);
	/* Nobody reads, and we are to end: not waited for. */
	fcntl(from_console[1], F_SETPIPE_SZ, 4096);
	stop_signal = SIGTERM;
	while (c.out_len || poll(&(struct pollfd){ from_console[1], POLLOUT, 0 }, 1, 0) > 0)
		put("0123456789\n");
	put("x\n");
	EXPECT_EQ(c.out_error, 0);
	signal(SIGPIPE, SIG_IGN);
	close(from_console[0]);
	put("x\n");
	EXPECT_EQ(c.out_error, EPIPE);
	close(to_console[1]);
	close_console();
}

/* A device that has room for a few at a time. */
static void take(void)
{
	int ch;

	while (room && (ch = c.chardev.get(c.chardev.ctx)) >= 0) {
		got[nr_got++] = ch;
		room--;
	}
}

static void on_input(void *ctx)
{
	take();
	if (nr_got == 600)
		loop_end(&l);
}

static void more_room(void *ctx)
{
	room += 16;
	on_input(NULL);
}

TEST(console_input_waits_for_room)
{
	unsigned int i;
	int timer, source;

	open_console();
	ASSERT_EQ(console_attach(&c, &l, on_input, NULL), 0);
	source = c.source;
	for (i = 0; i < 600; i++)
		EXPECT_EQ(write(to_console[1], &"abcdefghijklmnopqrstuvw"[i % 23], 1), 1);
	close(to_console[1]);
	room = 0;
	timer = loop_add_timer(&l, more_room, NULL);
	loop_arm(&l, timer, 100000, 100000);
	EXPECT_EQ(loop_run(&l), 0);
	ASSERT_EQ(nr_got, 600U);
	for (i = 0; i < 600; i++)
		EXPECT_EQ(got[i], 'a' + i % 23);
	/* The end of the file is noticed, once. */
	l.ended = false;
	loop_arm(&l, timer, 0, 0);
	timer = loop_add_timer(&l, end, NULL);
	loop_arm(&l, timer, 20000000, 0);
	EXPECT_EQ(loop_run(&l), 0);
	EXPECT_TRUE(c.in_closed);
	EXPECT_EQ(c.source, -1);
	EXPECT_EQ(l.source[source].fd, -1);
	close_console();
}
