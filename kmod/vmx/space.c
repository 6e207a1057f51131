// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest-physical address space: EPT tables plus the CPUs that may cache them.
 *
 * Who ran: a CPU sets its bit of @ran, with a full barrier, before it enters the
 * guest, and a flusher changes entries (atomic exchanges: full barriers) before
 * it reads @ran.  So either the flusher sees the bit and interrupts that CPU, or
 * the CPU walks tables that are changed already.  The bit is cleared on that CPU
 * itself, out of the guest and with interrupts off, right before its INVEPT:
 * it cannot get back into the guest between the two.
 *
 * A CPU whose VMX is off keeps what it cached, VMXOFF and VMXON drop nothing.  Where VMX
 * is turned on by us that begins with a global INVEPT (power.c, window.c); and where a
 * flush has passed over a CPU, its next window begins with one.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/mtrr.h>
#include <asm/vmx.h>

#include "ops.h"
#include "power.h"
#include "space.h"

/* ---- what the tables ask of the kernel ---------------------------------------- */

static void *space_page_alloc(void *ctx)
{
	return (void *)__get_free_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

static void space_page_free(void *ctx, void *page)
{
	free_page((unsigned long)page);
}

static const struct tvx_host_ops space_ops = {
	.page_alloc = space_page_alloc,
	.page_free = space_page_free,
};

/* ---- checking build ------------------------------------------------------------- */

#ifdef TVX_CHECKING
/* Entries changed: until the next flush ends, nothing that was unlinked may be freed. */
static void check_changed(struct vmx_space *s)
{
	s->flushed = false;
}

static void check_flushed(struct vmx_space *s)
{
	s->flushed = true;
}

static void check_free(struct vmx_space *s)
{
	WARN_ONCE(s->freed.head && !s->flushed, "tinyvmx: EPT tables freed without a flush\n");
}

/* Right after a flush that nobody's entry can follow. */
static void check_destroy(struct vmx_space *s)
{
	WARN_ONCE(cpumask_intersects(&s->ran, cpu_online_mask),
		  "tinyvmx: a guest ran in a dying address space\n");
}
#else
static void check_changed(struct vmx_space *s) { }
static void check_flushed(struct vmx_space *s) { }
static void check_free(struct vmx_space *s) { }
static void check_destroy(struct vmx_space *s) { }
#endif

/* ---- flushing --------------------------------------------------------------------- */

static void flush_this_cpu(void *space)
{
	struct vmx_space *s = space;

	cpumask_clear_cpu(smp_processor_id(), &s->ran);
	/* Ours is on; KVM's may be, and CR4.VMXE says so a little too early. */
	if (this_cpu_read(vmx_cpu.on))
		vmx_invept(s->eptp);
	else if (!(__read_cr4() & X86_CR4_VMXE) || vmx_try_invept(s->eptp))
		this_cpu_write(vmx_cpu.stale, true);
}

/* When it returns no CPU has anything cached of what the tables were before. */
static void flush(struct vmx_space *s)
{
	/* Waiting for other CPUs with interrupts off could wait for one that waits for us. */
	lockdep_assert_irqs_enabled();
	smp_mb(); /* entries before @ran, see the top */
	on_each_cpu_mask(&s->ran, flush_this_cpu, s, true);
	check_flushed(s);
}

static void free_unlinked(struct vmx_space *s)
{
	check_free(s);
	if (unlikely(s->freed.head))
		ept_free_list(&s->ept, &s->freed);
}

/* ---- the interface ---------------------------------------------------------------- */

int vmx_space_init(struct vmx_space *s)
{
	const struct ept_caps caps = {
		.levels = 4,
		.phys_bits = vmx_caps.maxphyaddr,
		.has_2m = vmx_caps.features & TVX_FEAT_EPT_2M,
		.has_1g = vmx_caps.features & TVX_FEAT_EPT_1G,
		/* With A/D flags page walks count as writes: the identity map is read-only. */
		.has_ad = vmx_caps.features & TVX_FEAT_EPT_AD &&
			  vmx_caps.features & TVX_FEAT_UNRESTRICTED,
	};
	int err;

	memset(s, 0, sizeof(*s));
	err = ept_init(&s->ept, &caps, &space_ops, NULL);
	if (err)
		return WARN_ON_ONCE(err != -ENOMEM) ? -ENOMEM : err;
	s->eptp = ept_pointer(&s->ept);
	return 0;
}

void vmx_space_destroy(struct vmx_space *s)
{
	if (!s->ept.root)
		return;
	/*
	 * The root page may become another VM's root, with the same EPTP: what
	 * CPUs cached under it must be gone before.
	 */
	flush(s);
	check_destroy(s);
	free_unlinked(s);
	ept_destroy(&s->ept);
}

int vmx_space_map(struct vmx_space *s, u64 gpa, u64 hpa, enum ept_level level,
		  bool write, bool exec, struct ept_cache *cache)
{
	/* No device is the guest's own, so its PAT has no say: RAM is cached, coherent. */
	const struct ept_entry page = {
		.hpa = hpa,
		.flags = EPT_READ | (write ? EPT_WRITE : 0) | (exec ? EPT_EXEC : 0) |
			 EPT_MEMTYPE(MTRR_TYPE_WRBACK) | EPT_IPAT,
		.level = level,
	};
	int ret;

	check_changed(s);
	ret = ept_map(&s->ept, gpa, &page, cache, &s->freed);
	if (ret < 0)
		return ret;
	if (ret & EPT_FLUSH)
		flush(s);
	free_unlinked(s);
	return 0;
}

void vmx_space_unmap(struct vmx_space *s, u64 start, u64 end)
{
	check_changed(s);
	if (ept_unmap(&s->ept, start, end, &s->freed))
		flush(s);
	free_unlinked(s);
}

bool vmx_space_age(struct vmx_space *s, u64 start, u64 end, bool clear)
{
	unsigned int ret;

	if (!clear)
		return ept_test_young(&s->ept, start, end);
	/*
	 * A CPU that goes on with a cached translation does not set the flag
	 * again: the page looks older than it is, which costs less than
	 * interrupting CPUs at each scan.  Linux does the same with its own TLBs.
	 */
	check_changed(s);
	ret = ept_age(&s->ept, start, end);
	if (ret & EPT_FLUSH)
		flush(s);
	return ret & EPT_YOUNG;
}

bool vmx_space_large_exec(void)
{
	/* A guest that fetches from a page as its size changes can halt such a CPU for good. */
	return !boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
}

enum ept_level vmx_space_max_level(void)
{
	if (vmx_caps.features & TVX_FEAT_EPT_1G)
		return EPT_1G;
	return vmx_caps.features & TVX_FEAT_EPT_2M ? EPT_2M : EPT_4K;
}
