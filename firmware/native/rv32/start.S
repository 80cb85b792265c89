/* The first instructions: a stack, the data in its place, then `board`, which never returns. Power comes here, and so does a restart. */
	.option arch, +zicsr
	.section .text.begin, "ax"
	.globl begin
begin:
	csrw mie, zero
	csrci mstatus, 8
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la sp, stackTop
	la tp, threadData
	la a0, dataStart
	la a1, dataEnd
	la a2, dataImage
1:	bgeu a0, a1, 2f
	lw t0, 0(a2)
	sw t0, 0(a0)
	addi a0, a0, 4
	addi a2, a2, 4
	j 1b
	/* Zeros behind the data; and a pattern in the stack, by which one sees how much of it was used. */
2:	la a1, zeroEnd
3:	bgeu a0, a1, 4f
	sw zero, 0(a0)
	addi a0, a0, 4
	j 3b
4:	la a0, stackBottom
	li t0, 0x5AA5C33C
5:	bgeu a0, sp, 6f
	sw t0, 0(a0)
	addi a0, a0, 4
	j 5b
6:	la t0, trap
	csrw mtvec, t0
	call board
7:	wfi
	j 7b
