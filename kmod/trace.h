/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints tinyvmx:*. Nothing is read from the hardware for one that is off. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tinyvmx

#if !defined(TVX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TVX_TRACE_H

#include <linux/tracepoint.h>
#include <asm/vmx.h>
#include <tinyvmx.h>

#define TVX_EXIT_NAMES \
	{ 0, "NONE" }, { 1, "INTERRUPTED" }, { 2, "IO" }, { 3, "MMIO" },		\
	{ 4, "MEMORY_FAULT" }, { 5, "HLT" }, { 6, "HYPERCALL" }, { 7, "CPUID" },	\
	{ 8, "RDMSR" }, { 9, "WRMSR" }, { 10, "EXCEPTION" }, { 11, "INTR_WINDOW" },	\
	{ 12, "NMI_WINDOW" }, { 13, "SLICE" }, { 14, "SHUTDOWN" }, { 15, "TASK_SWITCH" }, \
	{ 16, "PAUSE" }, { 17, "RDTSC" }, { 18, "DESC" }, { 19, "RANDOM" }, { 20, "CR3" }, \
	{ 21, "WBINVD" }, { 22, "FAIL_ENTRY" }, { 23, "UNKNOWN" }, { 24, "EOI" }
static_assert(TVX_NR_EXITS == 25, "a name for each exit");

TRACE_EVENT(tvx_hold,
	TP_PROTO(u32 hold),
	TP_ARGS(hold),
	TP_STRUCT__entry(__field(u32, hold)),
	TP_fast_assign(__entry->hold = hold;),
	TP_printk("a new VM: %s", __print_symbolic(__entry->hold,
		  { TVX_HOLD_OWN, "own" }, { TVX_HOLD_RIDE, "ride" },
		  { TVX_HOLD_WINDOW, "window" }))
);

TRACE_EVENT(tvx_enter,
	TP_PROTO(u32 vcpu, u64 rip),
	TP_ARGS(vcpu, rip),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u64, rip)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->rip = rip;),
	TP_printk("vcpu %u rip 0x%llx", __entry->vcpu, __entry->rip)
);

TRACE_EVENT(tvx_exit,
	TP_PROTO(u32 vcpu, u32 reason, u64 rip, u64 qual, u32 intr),
	TP_ARGS(vcpu, reason, rip, qual, intr),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u32, reason) __field(u64, rip)
			 __field(u64, qual) __field(u32, intr)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->reason = reason; __entry->rip = rip;
		       __entry->qual = qual; __entry->intr = intr;),
	TP_printk("vcpu %u %s rip 0x%llx qual 0x%llx intr 0x%x", __entry->vcpu,
		  __print_symbolic(__entry->reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->rip, __entry->qual, __entry->intr)
);

TRACE_EVENT(tvx_user_exit,
	TP_PROTO(u32 vcpu, u32 exit),
	TP_ARGS(vcpu, exit),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u32, exit)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->exit = exit;),
	TP_printk("vcpu %u %s", __entry->vcpu, __print_symbolic(__entry->exit, TVX_EXIT_NAMES))
);

TRACE_EVENT(tvx_inject,
	TP_PROTO(u32 vcpu, u8 type, u8 vector, u32 error),
	TP_ARGS(vcpu, type, vector, error),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u8, type) __field(u8, vector)
			 __field(u32, error)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->type = type; __entry->vector = vector;
		       __entry->error = error;),
	TP_printk("vcpu %u %s vector %u error 0x%x", __entry->vcpu,
		  __print_symbolic(__entry->type, { 0, "interrupt" }, { 2, "NMI" },
				   { 3, "exception" }, { 4, "INT n" }, { 5, "INT1" },
				   { 6, "INT3/INTO" }),
		  __entry->vector, __entry->error)
);

TRACE_EVENT(tvx_ept_fault,
	TP_PROTO(u32 vcpu, u64 gpa, u32 access, u32 result),
	TP_ARGS(vcpu, gpa, access, result),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u64, gpa) __field(u32, access)
			 __field(u32, result)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->gpa = gpa; __entry->access = access;
		       __entry->result = result;),
	TP_printk("vcpu %u gpa 0x%llx %s%s%s: %s", __entry->vcpu, __entry->gpa,
		  __entry->access & 1 ? "r" : "", __entry->access & 2 ? "w" : "",
		  __entry->access & 4 ? "x" : "",
		  __print_symbolic(__entry->result, { 0, "mapped" }, { 1, "no slot" },
				   { 2, "read-only" }, { 3, "error" }))
);

TRACE_EVENT(tvx_msr,
	TP_PROTO(u32 vcpu, bool write, u32 index, u64 value, int error),
	TP_ARGS(vcpu, write, index, value, error),
	TP_STRUCT__entry(__field(u32, vcpu) __field(bool, write) __field(u32, index)
			 __field(u64, value) __field(int, error)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->write = write; __entry->index = index;
		       __entry->value = value; __entry->error = error;),
	TP_printk("vcpu %u %s 0x%x = 0x%llx%s", __entry->vcpu,
		  __entry->write ? "WRMSR" : "RDMSR", __entry->index, __entry->value,
		  __entry->error ? " #GP" : "")
);

TRACE_EVENT(tvx_io,
	TP_PROTO(u32 vcpu, bool in, u16 port, u8 width, u64 rax),
	TP_ARGS(vcpu, in, port, width, rax),
	TP_STRUCT__entry(__field(u32, vcpu) __field(bool, in) __field(u16, port)
			 __field(u8, width) __field(u64, rax)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->in = in; __entry->port = port;
		       __entry->width = width; __entry->rax = rax;),
	TP_printk("vcpu %u %s 0x%x width %u rax 0x%llx", __entry->vcpu,
		  __entry->in ? "IN" : "OUT", __entry->port, __entry->width, __entry->rax)
);

TRACE_EVENT(tvx_cpuid,
	TP_PROTO(u32 vcpu, u32 leaf, u32 subleaf, u32 eax, u32 ebx, u32 ecx, u32 edx),
	TP_ARGS(vcpu, leaf, subleaf, eax, ebx, ecx, edx),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u32, leaf) __field(u32, subleaf)
			 __field(u32, eax) __field(u32, ebx) __field(u32, ecx)
			 __field(u32, edx)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->leaf = leaf; __entry->subleaf = subleaf;
		       __entry->eax = eax; __entry->ebx = ebx; __entry->ecx = ecx;
		       __entry->edx = edx;),
	TP_printk("vcpu %u leaf 0x%x.%u: %08x %08x %08x %08x", __entry->vcpu, __entry->leaf,
		  __entry->subleaf, __entry->eax, __entry->ebx, __entry->ecx, __entry->edx)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
