// SPDX-License-Identifier: GPL-2.0-only
/* A run page full of anything, changing all the time. */
#include "tvx_test.h"

GUEST64(hlt, "hlt");
GUEST64(tick, "1: mov $0x20, %eax\nout %al, $0x10\njmp 1b");

static volatile bool stop;

static void *scribble(void *arg)
{
	struct guest *g = arg;
	volatile uint64_t *page = (void *)g->vcpu.run;
	uint64_t x = 88172645463325252ull;
	unsigned int i;

	for (i = 0; !stop; i++) {
		/* A guest with odd registers may stay inside for good. */
		if (i % 256 == 0)
			must(tvx_vcpu_kick(&g->vcpu));
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Most in-halves are malformed: small values now and then get through. */
		page[x % 512] = x & 1 << 20 ? 0 : x & 1 << 21 ? x >> 60 : x;
	}
	return NULL;
}

TEST_F(vm, scribbling_harms_nobody_else)
{
	struct guest *g = &self->g;
	struct tvx_state state;
	pthread_t thread;
	int i, err, entered = 0;

	start(g, GUEST_LONG, tick);
	ASSERT_EQ(0, tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, g));
	for (i = 0; i < 3000; i++) {
		g->vcpu.run->in.dirty = i & 0x3ffff;
		g->vcpu.run->in.requests = g->vcpu.run->in.reserved = 0;
		g->vcpu.run->in.immediate_exit = g->vcpu.run->in.event.flags = 0;
		err = ioctl(g->vcpu.fd, TVX_VCPU_RUN) < 0 ? errno : 0;
		ASSERT_TRUE(!err || err == EINTR || err == EINVAL || err == EBUSY)
			TH_LOG("error %d", err);
		entered += !err;
		if (i % 10 == 0) {
			state.sections = TVX_STATE_ALL;
			ASSERT_EQ(0, tvx_vcpu_set_state(&g->vcpu, &state));
		}
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_GT(entered, 0);
	/* The vCPU is as good as before. */
	memset(g->vcpu.run, 0, sizeof(*g->vcpu.run));
	start(g, GUEST_LONG, hlt);
	while (run(g) == TVX_EXIT_INTERRUPTED)
		;
	EXPECT_EQ(TVX_EXIT_HLT, out(g)->exit);
}

TEST_HARNESS_MAIN
