/* Traps, the interrupt controller, and sleep. */
#include "../exits.h"
#include "../host.h"
#include "machine.h"

#define CSR "\t.option push\n\t.option arch, +zicsr\n\t"
#define POP "\n\t.option pop"
#define readCsr(name) ({ uint32_t value; __asm__ volatile(CSR "csrr %0, " #name POP : "=r"(value)); value; })
#define setCsr(name, bits) __asm__ volatile(CSR "csrs " #name ", %0" POP : : "r"(bits) : "memory")
#define clearCsr(name, bits) __asm__ volatile(CSR "csrc " #name ", %0" POP : : "r"(bits) : "memory")

#define INTERRUPTS_ON 8u
#define TIMER (1u << 7)
#define EXTERNAL (1u << 11)
#define PER_MILLISECOND 10000.0

static uint64_t waited = 0;

uint64_t cyclesNow(void)
{
	uint32_t high;
	uint32_t low;
	do {
		high = readCsr(mcycleh);
		low = readCsr(mcycle);
	} while (high != readCsr(mcycleh));
	return (uint64_t)high << 32 | low;
}

uint64_t cyclesWaited(void)
{
	return waited;
}

static void serveDevices(void)
{
	volatile uint32_t* claim = words(INTERRUPT_CONTROLLER + 0x200004);
	uint32_t source;
	while ((source = *claim) != 0) {
		serveUart(source == SERIAL_INTERRUPT ? &serialLine : &console);
		*claim = source;
	}
}

void __attribute__((interrupt("machine"), aligned(4))) trap(void)
{
	uint32_t cause = readCsr(mcause);
	if (cause == (0x80000000u | 11))
		serveDevices();
	else if (cause == (0x80000000u | 7))
		clearCsr(mie, TIMER);
	else
		stopWith(EXIT_ENGINE, "the processor stopped at 0x%08x: cause %u, address 0x%08x", (unsigned)readCsr(mepc), (unsigned)cause, (unsigned)readCsr(mtval));
}

void enableInterrupts(void)
{
	static const uint8_t sources[] = { SERIAL_INTERRUPT, CONSOLE_INTERRUPT };
	size_t i;
	for (i = 0; i < sizeof sources; i++) {
		words(INTERRUPT_CONTROLLER)[sources[i]] = 1;
		words(INTERRUPT_CONTROLLER + 0x2000)[sources[i] / 32] |= 1u << sources[i] % 32;
	}
	*words(INTERRUPT_CONTROLLER + 0x200000) = 0;
	setCsr(mie, EXTERNAL);
	setCsr(mstatus, INTERRUPTS_ON);
}

void disableInterrupts(void)
{
	clearCsr(mstatus, INTERRUPTS_ON);
}

static void setTimer(double at)
{
	volatile uint32_t* compare = words(CLINT + 0x4000);
	uint64_t ticks = at * PER_MILLISECOND < 1e18 ? (uint64_t)(at * PER_MILLISECOND) : UINT64_MAX;
	compare[1] = UINT32_MAX;
	compare[0] = (uint32_t)ticks;
	compare[1] = (uint32_t)(ticks >> 32);
}

void waitForInterrupt(double until)
{
	uint64_t before = cyclesNow();
	setTimer(until);
	setCsr(mie, TIMER);
	/* It ends when one is pending, whether they are enabled or not. */
	__asm__ volatile("wfi" : : : "memory");
	clearCsr(mie, TIMER);
	waited += cyclesNow() - before;
}
