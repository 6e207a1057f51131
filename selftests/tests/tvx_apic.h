/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests with local APICs: vCPUs in threads, and an IDT whose handlers write down each
 * interrupt in a log of the vCPU's own and end it.
 *
 *	GUEST64(one, X2APIC_ON "sti\n" WRITE_MSR(0x83f, 0x41) "nop\n" DONE);
 *	guest_open_flags(g, TVX_VM_APIC); guest_vcpu(g);
 *	start_apic(g, one);
 *	ASSERT_EQ(run(g), TVX_EXIT_IO);
 *	EXPECT_EQ(irqs(g)->count, 1);
 *
 * A guest of this kind ends with DONE: its HLT sleeps in the kernel.
 */
#ifndef TVX_APIC_H
#define TVX_APIC_H

#include "tvx_idt.h"

#define APIC_GPA	0xfee00000ull
#define IRQ_STUBS_GPA	0x25000ull	/* of vectors 32 and up, STUB_SIZE each */
#define IRQ_COMMON_GPA	0x27000ull
#define IRQ_LOG_GPA	0x40000ull	/* struct irq_log, a page for each vCPU */
#define IRQ_MAX		64
#define MAX_VCPUS	4
#define DONE_PORT	0xf4
#define PATIENCE_MS	20000		/* for what should come at once */
#define IRQ		0x41		/* vectors of the tests */
#define TIMER_IRQ	0x51

/* IA32_APIC_BASE of vCPU 0, but for the mode */
#define BASE_OF_BSP	(APIC_GPA | 0x100)
#define X2APIC		0xc00

/* enum lapic_delivery in MSI data and ICR; other bits of both */
#define MSG_NMI		0x400u
#define MSG_INIT	0x500u
#define MSG_LEVEL	0xc000u		/* asserted */

/* Registers in struct tvx_apic.reg */
#define REG(offset)	((offset) / 16)
#define REG_ID		REG(0x20)
#define REG_TPR		REG(0x80)
#define REG_LDR		REG(0xd0)
#define REG_SPIV	REG(0xf0)
#define REG_ISR		REG(0x100)
#define REG_TMR		REG(0x180)
#define REG_IRR		REG(0x200)
#define REG_ESR		REG(0x280)
#define REG_LVTT	REG(0x320)

/* Guest code. They use RAX, RCX, RDX; a number is one that C and the assembler know. */
#define STR_(x)		#x
#define STR(x)		STR_(x)
#define READ_MSR(msr)	"mov $" STR(msr) ", %ecx\n rdmsr\n"
#define WRITE_MSR2(msr, low, high) \
	"mov $" STR(msr) ", %ecx\n mov $" STR(low) ", %eax\n mov $" STR(high) ", %edx\n wrmsr\n"
#define WRITE_MSR(msr, low) WRITE_MSR2(msr, low, 0)
/* x2APIC mode, software-enabled. */
#define X2APIC_ON	READ_MSR(0x1b) "or $0xc00, %eax\n wrmsr\n" WRITE_MSR(0x80f, 0x1ff)
#define EOI		WRITE_MSR(0x80b, 0)
#define TSC(reg)	"rdtsc\n shl $32, %rdx\n or %rax, %rdx\n mov %rdx, " reg "\n"
#define IRQS		"0x40000"	/* vCPU 0's count */
#define GET_IRQS(reg)	"mov " IRQS ", " reg "\n"
#define WAIT_IRQS(n)	"99: cmpq $" STR(n) ", " IRQS "\n jb 99b\n"
/* For that many ticks; uses R11 too. */
#define DELAY(ticks)	TSC("%r11") "add $" STR(ticks) ", %r11\n" \
			"98: rdtsc\n shl $32, %rdx\n or %rax, %rdx\n cmp %r11, %rdx\n jb 98b\n"
#define DONE		"out %al, $0xf4\n"

struct irq {
	uint64_t vector;
	uint64_t tsc;		/* the guest's */
	uint64_t rip;
	uint64_t reserved;
};

struct irq_log {
	uint64_t count;
	uint64_t reserved[7];
	struct irq irq[IRQ_MAX];	/* the last ones */
	uint32_t of[256];		/* by vector */
};

#define IRQ_HANDLER(name, get_id, eoi) GUEST64(name, \
	"push %rax\n push %rbx\n push %rcx\n push %rdx\n push %rsi\n" \
	get_id "shl $12, %eax\n lea 0x40000(%rax), %ebx\n" \
	"mov 40(%rsp), %rsi\n mov (%rbx), %rcx\n and $63, %ecx\n shl $5, %ecx\n add %rbx, %rcx\n" \
	"mov %rsi, 64(%rcx)\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, 72(%rcx)\n" \
	"mov 48(%rsp), %rax\n mov %rax, 80(%rcx)\n" \
	"incl 2112(%rbx, %rsi, 4)\n incq (%rbx)\n" \
	eoi #name "_eoi:\n" \
	"pop %rsi\n pop %rdx\n pop %rcx\n pop %rbx\n pop %rax\n add $8, %rsp\n iretq\n" \
	".globl " #name "_eoi\n"); \
	extern const char name##_eoi[]

IRQ_HANDLER(irq_x2apic, READ_MSR(0x802), EOI);
/* Where the guest is in xAPIC mode: on vCPU 0 only. */
IRQ_HANDLER(irq_xapic, "xor %eax, %eax\n", "mov $0xfee000b0, %eax\n movl $0, (%rax)\n");

static inline struct irq_log *irqs_of(struct guest *g, unsigned int id)
{
	return (struct irq_log *)(g->mem + IRQ_LOG_GPA + 4096 * id);
}

static inline volatile struct irq_log *irqs(struct guest *g)
{
	return irqs_of(g, g->vcpu.id);
}

/* After idt_setup(): interrupts go to the handler @code. */
static inline void irq_setup(struct guest *g, const char *code, const char *end)
{
	unsigned int vector;

	for (vector = 32; vector < 256; vector++) {
		uint64_t gpa = IRQ_STUBS_GPA + STUB_SIZE * vector;
		uint8_t *p = g->mem + gpa;
		uint32_t rel;

		*p++ = 0x68;			/* push $vector */
		memcpy(p, &vector, 4);
		p += 4;
		*p++ = 0xe9;			/* jmp */
		rel = IRQ_COMMON_GPA - (p + 4 - g->mem);
		memcpy(p, &rel, 4);
		idt_gate(g, vector, gpa);
	}
	memcpy(g->mem + IRQ_COMMON_GPA, code, end - code);
	memset(irqs_of(g, g->vcpu.id), 0, sizeof(struct irq_log));
}

/* In the guest's own time, what an interrupt may be late by with all of a host's doings. */
#define LATE		20000000

static inline bool in_time(uint64_t when, uint64_t due)
{
	return when >= due && when < due + LATE;
}

/* Is it the end of the guest, and not some other exit? */
static inline bool is_done(struct guest *g)
{
	const struct came *c = came(g, 0);

	if (out(g)->exit == TVX_EXIT_IO && out(g)->io.port == DONE_PORT)
		return true;
	fprintf(stderr, "# vCPU %u: %s at %#llx\n", g->vcpu.id, tvx_exit_name(out(g)->exit),
		(unsigned long long)out(g)->rip);
	if (idt_count(g))
		fprintf(stderr, "# %s, error code %#lx, at %#lx\n", tvx_exception_name(c->vector),
			c->error, c->rip);
	return false;
}

static inline bool runs_to_done(struct guest *g)
{
	run(g);
	return is_done(g);
}

/*
 * What guest_open_flags() says of Bochs is so under KVM even with all pages mapped: its tables in
 * place of ours are filled as a guest uses them. Before the test, have an exception use IDT, GDT
 * and stack.
 */
GUEST64(use_idt, "int3\n" DONE);

static inline void fill_tables_of_kvm(struct guest *g)
{
	if (!under_kvm())
		return;
	start_idt(g, use_idt);
	must(runs_to_done(g) ? 0 : EPROTO);
}

static inline void guest_start_apic(struct guest *g, const char *code, const char *end,
				    const char *handler, const char *handler_end)
{
	fill_tables_of_kvm(g);
	guest_start(g, GUEST_LONG, code, end);
	idt_setup(g);
	irq_setup(g, handler, handler_end);
}
#define start_apic(g, name) \
	guest_start_apic(g, name##_code, name##_end, irq_x2apic_code, irq_x2apic_end)
#define start_xapic(g, name) \
	guest_start_apic(g, name##_code, name##_end, irq_xapic_code, irq_xapic_end)

/*
 * KVM gives its guests virtual-interrupt delivery without posted interrupts where the CPU has no
 * more, and takes the bitmap of EOIs that exit over to the CPU only where it has posted interrupts
 * (prepare_vmcs02_rare()): there no EOI of a guest's guest exits.
 */
static inline bool kvm_loses_eoi_exits(void)
{
	static const char flags[] = "vmx flags";
	char line[4096];
	bool lost = false;
	FILE *f;

	if (!under_kvm())
		return false;
	f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, flags, sizeof(flags) - 1))
			lost = strstr(line, " vid") && !strstr(line, "posted_intr");
	must(f ? 0 : errno);
	fclose(f);
	return lost;
}
/* In a test of EOIs. */
#define NEEDS_EOI_EXITS()	do {						\
	if (variant->apicv && kvm_loses_eoi_exits())				\
		SKIP(return, "this kernel is a guest of a KVM that loses exits for EOI");	\
} while (0)

/* A device's message to @dest; how many took it. */
static inline int msi(struct guest *g, uint8_t dest, uint32_t data)
{
	return tvx_vm_msi(&g->vm, APIC_GPA | dest << 12, data);
}

static inline struct tvx_apic apic_of(struct guest *g)
{
	struct tvx_apic apic;

	must(tvx_vcpu_get_apic(&g->vcpu, &apic));
	return apic;
}

static inline bool has_bit(const uint32_t *regs, uint8_t vector)
{
	return regs[vector / 32] >> vector % 32 & 1;
}

/* Of ISR, TMR or IRR: is there any? */
static inline bool has_any(const uint32_t *regs)
{
	uint32_t any = 0;

	for (unsigned int i = 0; i < 8; i++)
		any |= regs[i];
	return any;
}

/* ---- vCPUs in threads ------------------------------------------------------------------ */

/**
 * struct runner - RUN in a thread
 * @g: whose vCPU
 * @thread: in RUN
 * @ret: of RUN
 * @done: it has ended
 */
struct runner {
	struct guest *g;
	pthread_t thread;
	int ret;
	volatile bool done;
};

static inline void on_signal(int sig)
{
}

static inline void *runner_thread(void *arg)
{
	struct runner *r = arg;

	r->ret = tvx_vcpu_run(&r->g->vcpu);
	r->done = true;
	return NULL;
}

static inline void begin(struct runner *r, struct guest *g)
{
	struct sigaction action = { .sa_handler = on_signal };

	must(sigaction(SIGUSR1, &action, NULL));
	*r = (struct runner){ .g = g };
	must(pthread_create(&r->thread, NULL, runner_thread, r));
}

/* Wait until @condition holds, or for too long.  It may do something: once it holds, no more. */
#define WAIT_FOR(condition) ({						\
	bool wait_over = (condition);					\
	for (int wait_ms = 0; wait_ms < PATIENCE_MS && !wait_over; wait_ms++) { \
		usleep(1000);						\
		wait_over = (condition);				\
	}								\
	wait_over;							\
})

/* What RUN returned; it is kicked if it does not end by itself: TVX_EXIT_INTERRUPTED then. */
static inline int end(struct runner *r)
{
	if (!WAIT_FOR(r->done))
		tvx_vcpu_kick(&r->g->vcpu);
	must(pthread_join(r->thread, NULL));
	return r->ret;
}

/* It ran to its end, where it could. */
static inline bool ends_done(struct runner *r)
{
	return !end(r) && is_done(r->g);
}

static inline uint64_t hlts(struct guest *g)
{
	struct tvx_stats stats;

	must(tvx_vcpu_get_stats(&g->vcpu, &stats));
	return stats.reason[12].count;
}

/* It has executed @n HLTs, and has had the time to fall asleep. */
static inline bool sleeps(struct guest *g, unsigned int n)
{
	if (!WAIT_FOR(hlts(g) >= n))
		return false;
	usleep(5000);
	return true;
}

/* ---- fixture: a VM with a vCPU that has a local APIC -------------------------------------- */

#define APICV_PARAMETER	"/sys/module/tinyvmx/parameters/apicv"

FIXTURE(apic) {
	struct guest g;
	char apicv[2];		/* the parameter, as it was */
};

/* Does the CPU do all it can, or the module? */
FIXTURE_VARIANT(apic) {
	bool apicv;
};

FIXTURE_VARIANT_ADD(apic, by_cpu) {
	.apicv = true,
};

FIXTURE_VARIANT_ADD(apic, by_module) {
	.apicv = false,
};

FIXTURE_SETUP(apic)
{
	FILE *f = fopen(APICV_PARAMETER, "r");

	must(f && fread(self->apicv, 1, 1, f) == 1 ? 0 : ENOENT);
	fclose(f);
	self->g.dev.fd = self->g.vm.fd = self->g.vcpu.fd = -1;
	ASSERT_TRUE(write_file(APICV_PARAMETER, variant->apicv ? "Y" : "N"));
	guest_open_flags(&self->g, TVX_VM_APIC);
	guest_vcpu(&self->g);
	if (variant->apicv && !(self->g.dev.info.features & TVX_FEAT_APICV))
		SKIP(return, "the CPU has no APIC virtualisation");
}

FIXTURE_TEARDOWN(apic)
{
	guest_close(&self->g);
	write_file(APICV_PARAMETER, self->apicv);
}

#endif
