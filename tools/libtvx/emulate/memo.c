// SPDX-License-Identifier: GPL-2.0-only
/* What a vCPU's exits leave for later ones: made at the first exit that has a use for it. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void forget_contexts(struct tvx_memo *memo)
{
	memo->nr_known = 0;
	memset(memo->plain, 0, sizeof(memo->plain));
	tvx_tlb_flush(&memo->tlb);
}

static void switch_context(struct tvx_memo *memo, const struct tvx_run_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < memo->nr_known; i++)
		if (tvx_same_context(&memo->known[i], ctx))
			break;
	if (i == TVX_NR_CONTEXTS) {	/* a tag must not mean two contexts */
		forget_contexts(memo);
		i = 0;
	}
	if (i == memo->nr_known)
		memo->known[memo->nr_known++] = *ctx;
	memo->ctx = *ctx;
	memo->tlb.tag = (i + 1) << 4;
}

struct tvx_memo *tvx_memo_enter(struct tvx_vcpu *vcpu)
{
	const struct tvx_run_ctx *ctx = &vcpu->run->out.ctx;
	struct tvx_memo *memo = vcpu->memo;

	if (!memo) {
		memo = aligned_alloc(__alignof__(*memo), sizeof(*memo));
		if (!memo)
			return NULL;
		memset(memo, 0, sizeof(*memo));
		memo->tlb.slots = &vcpu->vm->generation;
		vcpu->memo = memo;
	}
	if (tvx_tlb_outdated(&memo->tlb))
		tvx_tlb_flush(&memo->tlb);
	if (!memo->nr_known || !tvx_same_context(&memo->ctx, ctx))
		switch_context(memo, ctx);
	return memo;
}
