/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counting build (-DTVX_COUNTING): how many expensive instructions an
 * operation takes.  In any other build vmx_count() is nothing.
 */
#ifndef TVX_COUNT_H
#define TVX_COUNT_H

enum vmx_counted {
	COUNT_VMREAD, COUNT_VMWRITE, COUNT_INVEPT, COUNT_INVVPID,
	COUNT_RDMSR, COUNT_WRMSR,
	NR_COUNTED
};

#ifdef TVX_COUNTING
#include <linux/percpu.h>
DECLARE_PER_CPU(u64[NR_COUNTED], vmx_counts);
#define vmx_count(what) this_cpu_inc(vmx_counts[what])
#else
#define vmx_count(what) do { } while (0)
#endif

#endif
