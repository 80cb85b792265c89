/* QEMU's machine `virt`, riscv32: where its parts lie, and what the files of this host share beside host.h. */
#ifndef VERTEBRA_MACHINE_H
#define VERTEBRA_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINISHER 0x00100000u
#define REAL_TIME_CLOCK 0x00101000u
#define CLINT 0x02000000u
#define PCI_PORTS 0x03000000u
#define INTERRUPT_CONTROLLER 0x0C000000u
#define SERIAL_LINE 0x10000000u
#define VIRTIO 0x10001000u
#define VIRTIO_STRIDE 0x1000u
#define VIRTIO_COUNT 8
/* The flash that this firmware is run from: its code, then, from here on, the bytecode of its program. */
#define PROGRAM 0x20200000u
#define PROGRAM_LIMIT 0x00200000u
/* The flash of the board's own: a sector of what it was made with, then the journal, then its identity. */
#define BOARD_FLASH 0x22000000u
#define BOARD_SECTOR 0x40000u
#define JOURNAL_SECTORS 8
/* Behind it, who the board is, where it was given that over its line. */
#define IDENTITY_SECTOR (1 + JOURNAL_SECTORS)
#define PCI_SPACE 0x30000000u
#define RAM 0x80000000u

#define SERIAL_INTERRUPT 10
#define CONSOLE_INTERRUPT 33

static inline volatile uint32_t* words(uintptr_t address)
{
	return (volatile uint32_t*)address;
}

static inline volatile uint8_t* octets(uintptr_t address)
{
	return (volatile uint8_t*)address;
}

/* start.S, image.ld */
extern uint8_t ramEnd[];
extern uint8_t stackBottom[];
extern uint8_t stackTop[];
extern uint8_t freeStart[];
void begin(void) __attribute__((noreturn));

/* interrupts.c */
void enableInterrupts(void);
void disableInterrupts(void);
/* Waits until one comes, or at most until this time of the monotonic clock; only while they are disabled. */
void waitForInterrupt(double until);
/* Cycles that were spent waiting since the start. */
uint64_t cyclesWaited(void);
uint64_t cyclesNow(void);

/* uart.c */
typedef struct Uart Uart;
extern Uart serialLine;
extern Uart console;
void openUarts(void);
void serveUart(Uart* uart);
bool hasReceived(const Uart* uart);
size_t countReceived(const Uart* uart);
/* What was received, at most so much. */
size_t takeReceived(Uart* uart, uint8_t* bytes, size_t most);
/* Bytes that it takes now. */
size_t roomToSend(const Uart* uart);
/* All of it or nothing; false where there is no room. */
bool sendBytes(Uart* uart, const void* bytes, size_t length);
/* Waits until all is sent. */
void finishSending(Uart* uart);

/* memory.c */
void openMemory(uint8_t* end);
/* Of JavaScript, to so many slots. */
void shrinkStack(void* machine, int slots);
typedef struct {
	/* Bytes of RAM that this host may take in all; static data, stack and tables in it. */
	uint32_t ram;
	uint32_t statics;
	uint32_t tables;
	uint32_t stack;
	/* The heaps of the engine, its stack in it. */
	uint32_t heaps;
} Memory;
/* The most that was in use since the start. */
Memory memoryTaken(void);

/* flash.c */
bool isErasedFlash(uint32_t offset, uint32_t length);
/* Returns NULL, or what went wrong. */
const char* programWords(uint32_t offset, const uint8_t* bytes, uint32_t length);
const char* eraseSector(uint32_t sector);

/* restart.c */
/* The last bytes of RAM, which a start leaves as they are: what a chip's registers would tell of how it was started. */
typedef struct {
	uint32_t magic;
	/* As JSON, not in words. */
	uint8_t json;
	/* The actuators were stopped, and that could not be kept. */
	uint8_t halted;
	/* The status with which the machine ended before; 0 where it did not. */
	uint8_t reset;
	uint8_t unused;
} Start;
#define START_MAGIC 0x54525453u
Start takeStart(void);
/* A sentence on the console, then the end with this status. */
void stopWith(int status, const char* format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
