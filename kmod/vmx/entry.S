/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: one VM entry and one VM exit, and what has to be right next to them.
 *
 *	enum vmx_entry_result vmx_enter_guest(struct vmx_vcpu *v)
 *
 * Interrupts off, the VMCS of @v current, everything else of the guest (FPU, MSRs) in the
 * CPU.  v->exit_reason is set unless the entry failed.  From the loading of the guest's
 * SPEC_CTRL on there is no RET and no indirect branch until the entry; after the exit the
 * return stack and the branch history are made ours before there is one.
 *
 * Nothing here can be traced or probed: a page fault in between would change CR2; and an exit
 * by an NMI blocks further ones until the handler's IRET, which that of a breakpoint's must
 * not come before.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>
#include "asm-offsets.h"

#define GPR(n) (VCPU_gpr + 8 * (n))

/* All but RSP, which the VMCS holds, and the one that points at the vCPU. */
.macro load_gprs
	movq	GPR(1)(%rdi), %rcx
	movq	GPR(2)(%rdi), %rdx
	movq	GPR(3)(%rdi), %rbx
	movq	GPR(5)(%rdi), %rbp
	movq	GPR(6)(%rdi), %rsi
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	GPR(\n)(%rdi), %r\n
	.endr
	movq	GPR(0)(%rdi), %rax
	movq	GPR(7)(%rdi), %rdi
.endm

.macro save_gprs
	movq	%rcx, GPR(1)(%rax)
	movq	%rdx, GPR(2)(%rax)
	movq	%rbx, GPR(3)(%rax)
	movq	%rbp, GPR(5)(%rax)
	movq	%rsi, GPR(6)(%rax)
	movq	%rdi, GPR(7)(%rax)
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%r\n, GPR(\n)(%rax)
	.endr
.endm

/*
 * The kernel's FILL_RETURN_BUFFER with its loop written out, which is most of what it
 * executes: 33 instructions for 82 at each exit.  The LFENCE behind its loop keeps a
 * mispredicted end of that from being speculated past: here is none.
 */
#ifndef CREDIT_CALL_DEPTH
#define CREDIT_CALL_DEPTH
#endif

.macro fill_return_stack
	/* The first slot's CALL, where it is wanted. */
	ANNOTATE_INTRA_FUNCTION_CALL
	ALTERNATIVE_2 "call .Lfirst_slot", \
		"jmp .Lfilled", ALT_NOT(X86_FEATURE_RSB_VMEXIT), \
		"jmp .Lfill_one", X86_FEATURE_RSB_VMEXIT_LITE
	int3
.Lfirst_slot:
	.rept RSB_CLEAR_LOOPS - 1
	__FILL_RETURN_SLOT
	.endr
	addq	$(RSB_CLEAR_LOOPS * 8), %rsp
	CREDIT_CALL_DEPTH
.Lfilled:
.endm

/*
 * VERW with the selector of any writable segment makes CPUs overwrite the buffers that MDS
 * and its like read.  CF stays.  Where the kernel tells of VM entries apart, that counts.
 */
#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO
#define CLEAR_AT_ENTRY X86_FEATURE_CLEAR_CPU_BUF_VM
#else
#define CLEAR_AT_ENTRY X86_FEATURE_CLEAR_CPU_BUF
#endif

#if defined(TVX_OPEN_x86_verw_sel) || defined(TVX_OPEN_mds_verw_sel)
#define clear_buffers CLEAR_CPU_BUFFERS
#else
	.section .rodata
	.balign	2
verw_selector:
	.word	__KERNEL_DS
	.previous

.macro clear_buffers
	ALTERNATIVE "jmp .Lbuffers_cleared", "", CLEAR_AT_ENTRY
	verw	verw_selector(%rip)
.Lbuffers_cleared:
.endm
#endif

/*
 * Branch history (BHI): as many taken branches of ours as the CPU remembers, by calls and
 * jumps as Intel's paper on it has them; and speculation does not get past them.
 */
#ifdef TVX_OPEN_clear_bhb_loop
#define clear_history CLEAR_BRANCH_HISTORY_VMEXIT
#else
#define HISTORY_LOOPS 5

.macro clear_history
	ALTERNATIVE "", "call history_loop", X86_FEATURE_CLEAR_BHB_VMEXIT
.endm

	.text
SYM_FUNC_START_LOCAL(history_loop)
	movl	$HISTORY_LOOPS, %ecx
	ANNOTATE_INTRA_FUNCTION_CALL
	call	.Louter
	jmp	.Ldone
	.balign	64, 0xcc
	ANNOTATE_INTRA_FUNCTION_CALL
.Louter:
	call	.Linner
	RET
	.balign	64, 0xcc
.Linner:
	movl	$HISTORY_LOOPS, %eax
.Lnext:
	jmp	.Ltaken
	nop
.Ltaken:
	subl	$1, %eax
	jnz	.Lnext
	subl	$1, %ecx
	jnz	.Louter
	RET
.Ldone:
	lfence
	RET
SYM_FUNC_END(history_loop)
STACK_FRAME_NON_STANDARD history_loop
#endif

/* Nothing of the guest's is left for a gadget of ours to speculate with. */
.macro clear_gprs
	.irp r, ecx, edx, ebp, esi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xorl	%\r, %\r
	.endr
.endm

	.section .noinstr.text, "ax"
SYM_FUNC_START(vmx_enter_guest)
	/* 1. Keep what the C caller needs; the vCPU is found on top of the stack. */
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rdi

	/* 2. The CPU comes back to this stack. The same one as last time mostly. */
	cmpq	%rsp, VCPU_host_rsp(%rdi)
	je	.Lspec
	movq	%rsp, VCPU_host_rsp(%rdi)
	movl	$FIELD_HOST_RSP, %eax
.Lvmwrite:
	vmwrite	%rsp, %rax

.Lspec:	/* 3. The guest's SPEC_CTRL, where it differs from ours. */
	cmpl	$0, VCPU_spec_switch(%rdi)
	je	.Lcr2
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	movl	VCPU_spec_guest(%rdi), %eax
	movl	VCPU_spec_guest+4(%rdi), %edx
	wrmsr

.Lcr2:	/* The guest's CR2. */
	movq	VCPU_cr2(%rdi), %rax
	movq	%cr2, %rcx
	cmpq	%rax, %rcx
	je	.Lload
	movq	%rax, %cr2

.Lload:	/* 4. Which instruction: CF survives loads and VERW. Then the guest's registers. */
	btl	$0, VCPU_launched(%rdi)
	load_gprs
	clear_buffers

	/*
	 * 5. The CPU checks controls, host state and guest state, saves nothing of
	 * ours but what the VMCS holds as host state, and loads the guest's segments,
	 * control registers, DR7, PAT, EFER, SYSENTER MSRs, RSP, RIP, RFLAGS.
	 * Not switched by it: GPRs, CR2, FPU and XCR0, DR0-6, SYSCALL MSRs,
	 * KERNEL_GS_BASE, TSC_AUX, SPEC_CTRL.
	 */
	UNWIND_HINT_SAVE
	jnc	.Llaunch
.Lvmresume:
	vmresume
	jmp	.Lfail
.Llaunch:
.Lvmlaunch:
	vmlaunch
	jmp	.Lfail

	_ASM_EXTABLE(.Lvmwrite, .Lfault)
	_ASM_EXTABLE(.Lvmresume, .Lfault)
	_ASM_EXTABLE(.Lvmlaunch, .Lfault)

SYM_INNER_LABEL(vmx_exit_point, SYM_L_GLOBAL)
	/* 6. HOST_RIP: interrupts off, RFLAGS 2, our CR3, segments, GDT, IDT and RSP. */
	UNWIND_HINT_RESTORE
	ENDBR
	pushq	%rax
	movq	8(%rsp), %rax
	save_gprs
	popq	GPR(0)(%rax)
	xorl	%ebx, %ebx

.Lours:	/* 7. Return stack, SPEC_CTRL, branch history: ours, before any RET or branch. */
	clear_gprs
	fill_return_stack
	movq	(%rsp), %rdi
	cmpl	$0, VCPU_spec_switch(%rdi)
	je	.Lno_spec
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	movl	VCPU_spec_host(%rdi), %eax
	movl	VCPU_spec_host+4(%rdi), %edx
	wrmsr
.Lno_spec:
	ALTERNATIVE "", "lfence", X86_FEATURE_MSR_SPEC_CTRL
	clear_history

	/* 8. CR2 again, and the reason.  An NMI is the host's, before anything else is done. */
	movq	%cr2, %rax
	movq	%rax, VCPU_cr2(%rdi)
	testl	%ebx, %ebx
	jnz	.Lreturn
	movl	$FIELD_EXIT_REASON, %eax
.Lread_reason:
	vmread	%rax, %rax
	movl	%eax, VCPU_exit_reason(%rdi)
	testl	%eax, %eax	/* an exception, or an NMI */
	jz	.Lexception

.Lreturn:
	movl	%ebx, %eax
	popq	%rdi
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	RET

.Lexception:
	movl	$FIELD_INTR_INFO, %eax
.Lread_info:
	vmread	%rax, %rax
	andl	$INTR_TYPE_MASK, %eax
	cmpl	$INTR_TYPE_NMI, %eax
	jne	.Lreturn
	int	$2
	jmp	.Lreturn

.Loff:	/* VMX was turned off under us in an emergency, and no reason is to be had. */
	movl	$2, %ebx
	jmp	.Lreturn

	_ASM_EXTABLE(.Lread_reason, .Loff)
	_ASM_EXTABLE(.Lread_info, .Loff)

.Lfail:	/* VMfail: no guest instruction was executed; the registers are the guest's. */
	movl	$1, %ebx
	jmp	.Lours
.Lfault: /* VMX was turned off under us in an emergency. */
	movl	$2, %ebx
	jmp	.Lours

.Lfill_one: /* Where one slot is enough. */
	__FILL_ONE_RETURN
	jmp	.Lfilled
SYM_FUNC_END(vmx_enter_guest)
