// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU: life, RUN, state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libtvx.h"

static int call(struct tvx_vcpu *vcpu, unsigned long cmd, void *arg)
{
	return ioctl(vcpu->fd, cmd, arg) < 0 ? -errno : 0;
}

int tvx_vcpu_create(struct tvx_vm *vm, unsigned int id, struct tvx_vcpu *vcpu)
{
	struct tvx_create_vcpu create = { .size = sizeof(create), .id = id };
	void *run;
	int err;

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = ioctl(vm->fd, TVX_VM_CREATE_VCPU, &create);
	if (vcpu->fd < 0)
		return -errno;
	run = mmap(NULL, vm->info.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED) {
		err = -errno;
		tvx_vcpu_destroy(vcpu);
		return err;
	}
	vcpu->run = run;
	return 0;
}

void tvx_vcpu_destroy(struct tvx_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->info.run_size);
	vcpu->run = NULL;
	free(vcpu->memo);
	vcpu->memo = NULL;
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->fd = -1;
}

int tvx_vcpu_run_once(struct tvx_vcpu *vcpu)
{
	int err = call(vcpu, TVX_VCPU_RUN, NULL);

	if (!err || err == -EINTR) {
		vcpu->run->in.dirty = 0;
		memset(&vcpu->run->in.event, 0, sizeof(vcpu->run->in.event));
	}
	return err;
}

int tvx_vcpu_run(struct tvx_vcpu *vcpu)
{
	const struct tvx_run *run = vcpu->run;
	int err;

	do {
		err = tvx_vcpu_run_once(vcpu);
	} while (err == -EINTR && !run->in.immediate_exit && !(run->out.flags & TVX_OUT_SIGNAL));
	return err;
}

int tvx_vcpu_kick(struct tvx_vcpu *vcpu)
{
	return call(vcpu, TVX_VCPU_KICK, NULL);
}

int tvx_vcpu_get_state(struct tvx_vcpu *vcpu, struct tvx_state *state, uint32_t sections)
{
	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->sections = sections;
	return call(vcpu, TVX_VCPU_GET_STATE, state);
}

int tvx_vcpu_set_state(struct tvx_vcpu *vcpu, const struct tvx_state *state)
{
	struct tvx_state arg = *state;

	arg.size = sizeof(arg);
	return call(vcpu, TVX_VCPU_SET_STATE, &arg);
}

static int msrs_call(struct tvx_vcpu *vcpu, unsigned long cmd, const struct tvx_msr *msrs,
		     uint32_t flags, unsigned int count, unsigned int *done)
{
	struct tvx_msrs arg = {
		.size = sizeof(arg),
		.flags = flags,
		.count = count,
		.msrs = (uintptr_t)msrs,
	};
	int err = call(vcpu, cmd, &arg);

	if (done)
		*done = arg.count;
	return err;
}

int tvx_vcpu_get_msrs(struct tvx_vcpu *vcpu, struct tvx_msr *msrs, unsigned int count,
		      unsigned int *done)
{
	return msrs_call(vcpu, TVX_VCPU_GET_MSRS, msrs, 0, count, done);
}

int tvx_vcpu_set_msrs(struct tvx_vcpu *vcpu, const struct tvx_msr *msrs, unsigned int count,
		      unsigned int *done)
{
	return msrs_call(vcpu, TVX_VCPU_SET_MSRS, msrs, 0, count, done);
}

int tvx_vcpu_list_msrs(struct tvx_vcpu *vcpu, struct tvx_msr *msrs, unsigned int *count)
{
	return msrs_call(vcpu, TVX_VCPU_GET_MSRS, msrs, TVX_MSRS_LIST, *count, count);
}

static int buffer_call(struct tvx_vcpu *vcpu, unsigned long cmd, uint32_t flags, const void *data,
		       uint64_t *len)
{
	struct tvx_buffer arg = {
		.size = sizeof(arg),
		.flags = flags,
		.data = (uintptr_t)data,
		.len = *len,
	};
	int err = call(vcpu, cmd, &arg);

	*len = arg.len;
	return err;
}

int tvx_vcpu_get_xsave(struct tvx_vcpu *vcpu, void *buf, uint64_t *len)
{
	return buffer_call(vcpu, TVX_VCPU_GET_XSAVE, 0, buf, len);
}

int tvx_vcpu_set_xsave(struct tvx_vcpu *vcpu, const void *buf, uint64_t len)
{
	return buffer_call(vcpu, TVX_VCPU_SET_XSAVE, 0, buf, &len);
}

int tvx_vcpu_get_apic(struct tvx_vcpu *vcpu, struct tvx_apic *apic)
{
	memset(apic, 0, sizeof(*apic));
	apic->size = sizeof(*apic);
	return call(vcpu, TVX_VCPU_GET_APIC, apic);
}

int tvx_vcpu_set_apic(struct tvx_vcpu *vcpu, const struct tvx_apic *apic)
{
	struct tvx_apic arg = *apic;

	arg.size = sizeof(arg);
	return call(vcpu, TVX_VCPU_SET_APIC, &arg);
}

int tvx_vcpu_apic_read(struct tvx_vcpu *vcpu, uint32_t offset, uint32_t *value)
{
	struct tvx_apic_access access = { .size = sizeof(access), .offset = offset };
	int err = call(vcpu, TVX_VCPU_APIC_ACCESS, &access);

	*value = access.value;
	return err;
}

int tvx_vcpu_apic_write(struct tvx_vcpu *vcpu, uint32_t offset, uint32_t value)
{
	struct tvx_apic_access access = {
		.size = sizeof(access),
		.flags = TVX_APIC_WRITE,
		.offset = offset,
		.value = value,
	};

	return call(vcpu, TVX_VCPU_APIC_ACCESS, &access);
}

int tvx_vcpu_get_stats(struct tvx_vcpu *vcpu, struct tvx_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return call(vcpu, TVX_VCPU_GET_STATS, stats);
}

int tvx_vcpu_report(struct tvx_vcpu *vcpu, uint32_t flags, char **text)
{
	uint64_t room = 16384, len;
	char *buf;
	int err;

	*text = NULL;
	for (;;) {
		buf = malloc(room + 1);
		if (!buf)
			return -ENOMEM;
		len = room;
		err = buffer_call(vcpu, TVX_VCPU_REPORT, flags, buf, &len);
		if (!err)
			break;
		free(buf);
		/* The report may have grown since its length was told. */
		if (err != -E2BIG || len <= room)
			return err;
		room = len + 1024;
	}
	buf[len < room ? len : room] = '\0';
	*text = buf;
	return 0;
}
