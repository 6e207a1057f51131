// SPDX-License-Identifier: GPL-2.0-only
/* vmctl check: what this machine and its module offer. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "json.h"
#include "libtvx.h"
#include "mistake.h"
#include "status.h"
#include "vmctl.h"

static const char usage[] =
	"Usage: vmctl check [--json]\n"
	"Say whether tinyvmx can run guests here, what it offers, and what is in its way.\n"
	"\n"
	"Options:\n"
	"  --json      one JSON object\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status:\n"
	"  0  guests can run\n"
	"  1  the module is not loaded, but nothing seen is in its way\n"
	"  2  no permission to open " TVX_DEVICE "\n"
	"  3  the CPU has no VT-x\n"
	"  4  the CPU lacks something that the module requires\n"
	"  5  the firmware has locked VT-x off\n"
	"  6  the kernel does not take the module (lockdown, modules disabled)\n"
	"  7  VT-x cannot be had as the module's parameter \"hold\" demands\n"
	"  8  the module's interface is of another version\n"
	"  100  bad usage\n";

static const struct option options[] = {
	{ "json", no_argument, NULL, 0 }, { "help", no_argument, NULL, 0 }, { NULL, 0, NULL, 0 },
};

static const struct hold {
	const char *name, *text;
} holds[] = {
	{ "unknown", "by no way that this vmctl knows" },
	[TVX_HOLD_OWN]	  = { "own", "on for the module alone while VMs exist" },
	[TVX_HOLD_RIDE]	  = { "ride", "KVM has it on, and keeps it on for our VMs" },
	[TVX_HOLD_WINDOW] = { "window", "turned on each time that a guest runs" },
};

static const struct hold *hold_of(const struct tvx_info *info)
{
	return &holds[info->hold <= TVX_HOLD_WINDOW ? info->hold : 0];
}

static void print_row(const char *name, bool yes, const char *what)
{
	printf("  %-28s %-4s %s\n", name, yes ? "yes" : "no", what);
}

static void print_required(const struct facts *f)
{
	const struct requirement *r;

	if (!f->has_msrs) {
		printf("\nRequired of the CPU: not known (as root, with the msr driver, vmctl could look)\n");
		return;
	}
	printf("\nRequired of the CPU:\n");
	for (r = requirements(); r->name; r++)
		print_row(r->name, requirement_met(r, f->msrs), r->what);
}

static void print_features(const struct tvx_info *info)
{
	const struct tvx_feature *t;
	char text[160];
	bool yes;

	printf("\nUsed where the CPU has it:\n");
	for (t = tvx_features(); t->bit; t++) {
		if (!t->cost)
			continue;
		yes = info->features & t->bit;
		snprintf(text, sizeof(text), yes ? "%s" : "%s; without it %s", t->what, t->cost);
		print_row(t->name, yes, text);
	}
	printf("\nNot used, whether the CPU has it or not:\n");
	for (t = tvx_features(); t->bit; t++)
		if (!t->cost)
			print_row(t->name, info->features & t->bit, t->what);
	printf("\nLimits:\n");
	printf("  %-28s %u\n", "vCPUs of a VM", info->max_vcpus);
	printf("  %-28s %u\n", "memory slots of a VM", info->max_slots);
	printf("  %-28s %u\n", "guest-physical address bits", info->gpa_bits);
	printf("  %-28s %u bytes, XCR0 %#llx\n", "XSAVE area", info->xsave_size,
	       (unsigned long long)info->xcr0);
	if (info->tsc_khz)
		printf("  %-28s %llu kHz\n", "TSC", (unsigned long long)info->tsc_khz);
	else
		printf("  %-28s unknown\n", "TSC");
}

static void print_text(const struct facts *f, const char *why)
{
	printf("tinyvmx: %s\n", why);
	printf("CPU: %s, VT-x %s%s\n", f->vendor, f->cpuid_vmx ? "yes" : "no",
	       f->hypervisor ? ", in a virtual machine" : "");
	if (f->kvm_intel_users >= 0)
		printf("kvm_intel: loaded, %d users\n", f->kvm_intel_users);
	if (!f->open_error)
		printf("VMX is held: %s: %s\n", hold_of(&f->info)->name, hold_of(&f->info)->text);
	if (f->cpuid_vmx || !f->open_error)
		print_required(f);
	if (!f->open_error)
		print_features(&f->info);
}

static void json_features(const struct tvx_info *info)
{
	const struct tvx_feature *t;

	printf(",\"hold\":\"%s\",\"api_version\":%u,\"max_vcpus\":%u,\"max_slots\":%u,\"gpa_bits\":%u,\"xsave_size\":%u,\"tsc_khz\":%llu,\"xcr0\":\"%#llx\",\"features\":{",
	       hold_of(info)->name, info->api_version, info->max_vcpus, info->max_slots,
	       info->gpa_bits, info->xsave_size, (unsigned long long)info->tsc_khz,
	       (unsigned long long)info->xcr0);
	for (t = tvx_features(); t->bit; t++) {
		if (t != tvx_features())
			putchar(',');
		json_string(stdout, t->name);
		fputs(info->features & t->bit ? ":true" : ":false", stdout);
	}
	putchar('}');
}

static void json_required(const struct facts *f)
{
	const struct requirement *r;
	unsigned int i;

	fputs(",\"vmx_msrs\":[", stdout);
	for (i = 0; i < TVX_NR_VMX_MSRS; i++)
		printf("%s\"%#llx\"", i ? "," : "", (unsigned long long)f->msrs[i]);
	fputs("],\"required\":{", stdout);
	for (r = requirements(); r->name; r++) {
		if (r != requirements())
			putchar(',');
		json_string(stdout, r->name);
		fputs(requirement_met(r, f->msrs) ? ":true" : ":false", stdout);
	}
	putchar('}');
}

static void print_json_facts(const struct facts *f, int status, const char *why)
{
	printf("{\"status\":%d,\"usable\":%s,\"why\":", status, status ? "false" : "true");
	json_string(stdout, why);
	fputs(",\"vendor\":", stdout);
	json_string(stdout, f->vendor);
	printf(",\"vmx\":%s,\"hypervisor\":%s,\"kvm_intel\":%s",
	       f->cpuid_vmx ? "true" : "false", f->hypervisor ? "true" : "false",
	       f->kvm_intel_users >= 0 ? "true" : "false");
	if (f->has_msrs)
		json_required(f);
	if (!f->open_error)
		json_features(&f->info);
	puts("}");
}

int cmd_check(int argc, char **argv)
{
	struct facts facts;
	char why[256];
	bool json = false;
	int i, status;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return ST_OK;
		}
		if (mistaken_option("check", argv[i], options))
			return ST_USAGE;
		if (strcmp(argv[i], "--json")) {
			fprintf(stderr, "vmctl: check takes no '%s' (vmctl check --help)\n", argv[i]);
			return ST_USAGE;
		}
		json = true;
	}
	collect_facts(&facts);
	status = check_verdict(&facts, why, sizeof(why));
	if (json)
		print_json_facts(&facts, status, why);
	else
		print_text(&facts, why);
	return status;
}
