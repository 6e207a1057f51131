/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_ATOMIC_H
#define UNIT_LINUX_ATOMIC_H

#include <linux/types.h>

#define xchg(ptr, val)		__atomic_exchange_n(ptr, val, __ATOMIC_SEQ_CST)
#define try_cmpxchg(ptr, old, val) \
	__atomic_compare_exchange_n(ptr, old, val, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define cmpxchg(ptr, old, val) ({					\
	__typeof__(*(ptr)) unit_old = (old);				\
	try_cmpxchg(ptr, &unit_old, val);				\
	unit_old;							\
})
#define cmpxchg64		cmpxchg
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_mb__before_atomic()	smp_mb()
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)

#endif /* UNIT_LINUX_ATOMIC_H */
