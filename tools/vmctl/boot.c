// SPDX-License-Identifier: GPL-2.0-only
/* The state in which the first vCPU begins. */
#include <string.h>

#include "machine.h"
#include "setreg.h"

/* 64-bit guests start on page tables that they need not know of, as high as possible. */
static int setup_long(struct machine *m, const struct boot *boot, struct tvx_state *state)
{
	char error[256];
	uint64_t tables;
	int err;

	if (!ram_place(&m->ram, tvx_long_tables_size(&m->vm), 4096, "the initial page tables",
		       &tables, error, sizeof(error)))
		return machine_end(m, ST_BAD_IMAGE, "bad-image", "%s", error);
	err = tvx_setup_long(&m->vm, state, boot->entry, tables);
	if (err)
		return machine_end_errno(m, "setting up long mode", err);
	/* A stack is below, for guests that bring none. */
	state->gpr[TVX_RSP] = tables;
	return 0;
}

#define NO_REAL_MODE	"guests in real mode cannot run"

/* What begins in real mode: the guest, or the other CPUs of a PC. */
static int check_real(struct machine *m, const char *what)
{
	if (m->dev.info.features & TVX_FEAT_UNRESTRICTED)
		return 0;
	return machine_end(m, ST_REFUSED, "refused", "this CPU has no unrestricted guest mode: %s",
			   what);
}

static int check_cpus(struct machine *m)
{
	if (m->opt->cpus == 1)
		return 0;
	return check_real(m, "more than one CPU, which start in real mode, cannot run (--cpus 1 can)");
}

static int setup_mode(struct machine *m, const struct boot *boot, struct tvx_state *state)
{
	uint32_t linear = boot->entry;
	int err;

	switch (boot->mode) {
	case BOOT_LONG:
		return setup_long(m, boot, state);
	case BOOT_PROTECTED:
		tvx_setup_protected(state, boot->entry);
		return 0;
	case BOOT_RESET:	/* which is how vCPUs come */
		return check_real(m, NO_REAL_MODE);
	default:
		break;
	}
	err = check_real(m, NO_REAL_MODE);
	if (err)
		return err;
	tvx_setup_real(state, (linear >> 4) & 0xf000, linear & 0xffff);
	/* Where a BIOS leaves it: below the boot sector. */
	state->gpr[TVX_RSP] = 0x7c00;
	return 0;
}

/* The selectors that Linux expects, whatever the mode's own are. */
static void use_boot_gdt(struct tvx_state *state, uint32_t gdt)
{
	unsigned int i;

	state->gdtr = (struct tvx_dtable){ .base = gdt, .limit = BOOT_GDT_SIZE - 1 };
	for (i = TVX_ES; i <= TVX_GS; i++)
		state->seg[i].selector = i == TVX_CS ? BOOT_GDT_CS : BOOT_GDT_DS;
}

int machine_boot(struct machine *m, const struct boot *boot)
{
	struct vcpu *c = &m->vcpu[0];
	struct tvx_state state;
	unsigned int i;
	int err = tvx_vcpu_get_state(&c->tvx, &state, TVX_STATE_ALL);

	if (err)
		return machine_end_errno(m, "reading the vCPU's state", err);
	err = check_cpus(m) ?: setup_mode(m, boot, &state);
	if (err)
		return err;
	if (boot->gdt)
		use_boot_gdt(&state, boot->gdt);
	state.gpr[TVX_RAX] = boot->eax;
	state.gpr[TVX_RBX] = boot->ebx;
	state.gpr[TVX_RSI] = boot->esi;
	for (i = 0; i < m->opt->nr_settings; i++)
		setreg_apply(m->opt->settings[i], &state);
	err = tvx_vcpu_set_state(&c->tvx, &state);
	if (err)
		return machine_end_errno(m, "setting the vCPU's state", err);
	memcpy(c->traced.gpr, state.gpr, sizeof(state.gpr));
	c->traced.rflags = state.rflags;
	return m->opt->pc ? pc_set_apics(m, boot) : 0;
}
