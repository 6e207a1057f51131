/* SPDX-License-Identifier: GPL-2.0-only */
/* A VMCS and a CPU in memory, in states that VM entry accepts, and changes to them. */
#ifndef ENTRYCHECK_VM_H
#define ENTRYCHECK_VM_H

#define VMCS_WORDS	0x8000
#define MEMORY_WORDS	8
#define VMCS_PA		0x4000
#define REVISION	0x12ull

enum base { LONG64, PAE32, REAL, V8086, HLT64, NR_BASES };

struct vm {
	u64 field[VMCS_WORDS];
	struct { u64 pa, value; } memory[MEMORY_WORDS];
	unsigned int nr_memory;
	struct entry_caps caps;
	bool host_tracing;
};

/* What a change changes, above the encodings of fields. */
#define IN_CAPS		0x10000u
#define IN_MEMORY	0x20000u
#define HOST_TRACES	0x40000u

struct change {
	u32 where;
	enum { SET, OR, CLEAR } how;
	u64 value;
};

#define S(fld, val)		{ fld, SET, val }
#define ONE(fld, bits)		{ fld, OR, bits }
#define ZERO(fld, bits)		{ fld, CLEAR, bits }
#define CAPS(name)		(IN_CAPS | offsetof(struct entry_caps, name))
#define MEM(pa, val)		{ IN_MEMORY | (pa), SET, val }

struct setting {
	u32 field;
	u64 value;
};

#define AR_CODE64	0xa09b
#define AR_CODE32	0xc09b
#define AR_DATA		0xc093
#define AR_DATA16	0x93
#define AR_USER		0xf3

#define SEGMENT(seg, sel, bas, lim, ar)					\
	{ GUEST_##seg##_SELECTOR, sel }, { GUEST_##seg##_BASE, bas },	\
	{ GUEST_##seg##_LIMIT, lim }, { GUEST_##seg##_AR_BYTES, ar }
#define FLAT(seg, sel, ar)	SEGMENT(seg, sel, 0, 0xffffffff, ar)

static const struct setting common[] = {
	{ PIN_BASED_VM_EXEC_CONTROL, 0x16 | PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING },
	{ CPU_BASED_VM_EXEC_CONTROL, 0x04006172 | CPU_BASED_HLT_EXITING |
	  CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_USE_IO_BITMAPS | CPU_BASED_TPR_SHADOW |
	  CPU_BASED_ACTIVATE_SECONDARY_CONTROLS | CPU_BASED_ACTIVATE_TERTIARY_CONTROLS },
	{ SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID },
	{ VM_EXIT_CONTROLS, 0x36dfb | VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_LOAD_IA32_EFER |
	  VM_EXIT_LOAD_IA32_PAT },
	{ VM_ENTRY_CONTROLS, 0x11fb | VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_DEBUG_CONTROLS },
	{ IO_BITMAP_A, 0x1000 }, { IO_BITMAP_B, 0x2000 }, { MSR_BITMAP, 0x3000 },
	{ VIRTUAL_APIC_PAGE_ADDR, 0x9000 }, { VIRTUAL_PROCESSOR_ID, 1 },
	{ EPT_POINTER, 0x5000 | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 | VMX_EPTP_AD_ENABLE_BIT },
	{ TSC_MULTIPLIER, 1ull << 48 },
	{ VMCS_LINK_POINTER, ~0ull },

	{ HOST_CR0, 0x80050033 }, { HOST_CR3, 0x1234000 }, { HOST_CR4, 0x3526e0 },
	{ HOST_CS_SELECTOR, 0x10 }, { HOST_SS_SELECTOR, 0x18 }, { HOST_TR_SELECTOR, 0x40 },
	{ HOST_FS_BASE, 0x7fff00001000 }, { HOST_GS_BASE, 0xffff888000000000 },
	{ HOST_TR_BASE, 0xfffffe0000003000 }, { HOST_GDTR_BASE, 0xfffffe0000001000 },
	{ HOST_IDTR_BASE, 0xfffffe0000000000 }, { HOST_RIP, 0xffffffff81000000 },
	{ HOST_IA32_PAT, 0x0407050600070106 }, { HOST_IA32_EFER, 0xd01 },

	{ GUEST_IA32_PAT, 0x0007040600070406 }, { GUEST_RFLAGS, X86_EFLAGS_FIXED },
	{ GUEST_CR3, 0x10000 }, { GUEST_RIP, 0x7c00 }, { GUEST_DR7, 0x400 },
	{ GUEST_GDTR_LIMIT, 0xffff }, { GUEST_IDTR_LIMIT, 0xffff },
	SEGMENT(LDTR, 0x50, 0, 0, 0x82), SEGMENT(TR, 0x40, 0x2000, 0x67, 0x8b),
	FLAT(ES, 0x18, AR_DATA), FLAT(SS, 0x18, AR_DATA), FLAT(DS, 0x18, AR_DATA),
	FLAT(FS, 0x18, AR_DATA), FLAT(GS, 0x18, AR_DATA), FLAT(CS, 0x10, AR_CODE32),
	{ GUEST_CR4, X86_CR4_PAE | X86_CR4_VMXE },
	{ GUEST_CR0, 0x80010031 },
};

static const struct setting long64[] = {
	{ VM_ENTRY_CONTROLS, 0x11fb | VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_DEBUG_CONTROLS |
	  VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_IA32E_MODE },
	{ GUEST_IA32_EFER, EFER_SCE | EFER_LME | EFER_LMA },
	{ GUEST_CS_AR_BYTES, AR_CODE64 }, { GUEST_RIP, 0xffffffff81000000 },
	{ GUEST_FS_BASE, 0x7f0000000000 }, { GUEST_GS_BASE, 0xffff888000000000 },
};

static const struct setting pae32[] = {
	{ GUEST_PDPTR0, 0x11001 }, { GUEST_PDPTR1, 0x12001 },
};

static const struct setting real[] = {
	{ SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID |
	  SECONDARY_EXEC_UNRESTRICTED_GUEST },
	{ GUEST_CR0, 0x60000030 }, { GUEST_CR4, X86_CR4_VMXE }, { GUEST_RIP, 0xfff0 },
	SEGMENT(CS, 0xf000, 0xffff0000, 0xffff, AR_DATA16),
	SEGMENT(ES, 0, 0, 0xffff, AR_DATA16), SEGMENT(SS, 3, 0, 0xffff, AR_DATA16),
	SEGMENT(DS, 3, 0, 0xffff, AR_DATA16), SEGMENT(FS, 0, 0, 0xffff, AR_DATA16),
	SEGMENT(GS, 0, 0, 0xffff, AR_DATA16), SEGMENT(LDTR, 4, 0, 0, 0x10000),
	SEGMENT(TR, 0, 0, 0xffff, 0x83),
};

static const struct setting v8086[] = {
	{ GUEST_RFLAGS, X86_EFLAGS_FIXED | X86_EFLAGS_VM | X86_EFLAGS_IF },
	SEGMENT(CS, 0x1000, 0x10000, 0xffff, AR_USER),
	SEGMENT(ES, 0x2001, 0x20010, 0xffff, AR_USER),
	SEGMENT(SS, 0x3002, 0x30020, 0xffff, AR_USER),
	SEGMENT(DS, 0x4003, 0x40030, 0xffff, AR_USER), SEGMENT(FS, 0, 0, 0xffff, AR_USER),
	SEGMENT(GS, 0xffff, 0xffff0, 0xffff, AR_USER),
};

/* On its way out of HLT by an interrupt. */
static const struct setting hlt64[] = {
	{ GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_HLT },
	{ GUEST_RFLAGS, X86_EFLAGS_FIXED | X86_EFLAGS_IF },
	{ VM_ENTRY_INTR_INFO_FIELD, INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | 0x30 },
};

/* A CPU that has nearly everything. Of each group of controls it lacks one or more. */
static const struct entry_caps full_caps = {
	.basic = REVISION,
	.pin = 0xff00000016, .proc = 0xfffffffe04006172, .proc2 = 0xdfffffff00000000,
	.proc3 = 0xff, .exit = 0xbfffffff00036dfb, .exit2 = 0xff, .entry = 0x7fffff000011fb,
	.misc = 4 << 16 | VMX_MISC_ZERO_LEN_INS | VMX_MISC_ACTIVITY_HLT |
		VMX_MISC_ACTIVITY_SHUTDOWN | VMX_MISC_ACTIVITY_WAIT_SIPI,
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = X86_CR4_VMXE, .cr4_fixed1 = 0xffffff,
	.ept_vpid = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_AD_BIT, .vmfunc = 1,
	.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX,
	.debugctl = DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF, .perf_global_ctrl = 0x70000000f,
	.rtit_ctl = 0x3fff, .lbr_ctl = 0x7f000f, .maxphyaddr = 39, .linear_bits = 48,
	.sgx = true, .rtm = true,
};

static void vm_apply(struct vm *vm, const struct setting *s, size_t n)
{
	for (; n--; s++)
		vm->field[s->field] = s->value;
}

static void vm_init(struct vm *vm, enum base base)
{
	memset(vm, 0, sizeof(*vm));
	vm->caps = full_caps;
	vm->memory[vm->nr_memory++].pa = 0x9080;	/* the virtual TPR */
	vm->memory[0].value = 0x30;
	vm_apply(vm, common, ARRAY_SIZE(common));
	if (base == LONG64 || base == HLT64)
		vm_apply(vm, long64, ARRAY_SIZE(long64));
	if (base == PAE32)
		vm_apply(vm, pae32, ARRAY_SIZE(pae32));
	if (base == REAL)
		vm_apply(vm, real, ARRAY_SIZE(real));
	if (base == V8086)
		vm_apply(vm, v8086, ARRAY_SIZE(v8086));
	if (base == HLT64)
		vm_apply(vm, hlt64, ARRAY_SIZE(hlt64));
}

static void vm_change_value(void *at, size_t size, const struct change *c)
{
	u64 value = 0;

	memcpy(&value, at, size);
	value = c->how == SET ? c->value : c->how == OR ? value | c->value : value & ~c->value;
	memcpy(at, &value, size);
}

static void vm_change(struct vm *vm, const struct change *c)
{
	if (c->where & HOST_TRACES) {
		vm->host_tracing = c->value;
	} else if (c->where & IN_MEMORY) {
		vm->memory[vm->nr_memory].pa = c->where & ~IN_MEMORY;
		vm->memory[vm->nr_memory++].value = c->value;
	} else if (c->where & IN_CAPS) {
		u32 at = c->where & ~IN_CAPS;

		vm_change_value((char *)&vm->caps + at,
				at < offsetof(struct entry_caps, maxphyaddr) ? 8 : 1, c);
	} else {
		vm_change_value(&vm->field[c->where], 8, c);
	}
}

static u64 vm_read(void *ctx, u32 field)
{
	struct vm *vm = ctx;

	return field < VMCS_WORDS ? vm->field[field] : 0;
}

static bool vm_read_phys(void *ctx, u64 pa, u64 *value)
{
	struct vm *vm = ctx;
	unsigned int i;

	for (i = 0; i < vm->nr_memory; i++) {
		if (vm->memory[i].pa == pa) {
			*value = vm->memory[i].value;
			return true;
		}
	}
	return false;
}

#endif /* ENTRYCHECK_VM_H */
