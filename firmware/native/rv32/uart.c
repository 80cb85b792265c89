/* The two serial lines, 16550s with interrupts: the cable to a gateway, and the console. */
#include <string.h>
#include "../host.h"
#include "machine.h"

#define DATA 0
#define INTERRUPTS 1
#define FIFO 2
#define LINE 3
#define MODEM 4
#define STATUS 5

#define INTERRUPT_RECEIVED 1
#define INTERRUPT_SENT 2
#define STATUS_RECEIVED 1
#define STATUS_ROOM 0x20
/* The last byte has left. */
#define STATUS_SENT 0x40
/* The device's own buffer. */
#define DEPTH 16

typedef struct {
	uint8_t* bytes;
	size_t size;
	volatile size_t first;
	volatile size_t count;
} Queue;

struct Uart {
	uintptr_t base;
	Queue received;
	Queue sending;
	/* Nothing is taken from the device while there is no room: its own flow control holds up the sender. */
	volatile bool held;
};

static uint8_t buffers[2048 + 8192 + 320 + 4096];
Uart serialLine = { SERIAL_LINE, { buffers, 2048, 0, 0 }, { buffers + 2048, 8192, 0, 0 }, false };
Uart console = { PCI_PORTS + 0x1000, { buffers + 10240, 320, 0, 0 }, { buffers + 10560, 4096, 0, 0 }, false };

static void put(Queue* queue, uint8_t byte)
{
	queue->bytes[(queue->first + queue->count) % queue->size] = byte;
	queue->count++;
}

static uint8_t take(Queue* queue)
{
	uint8_t byte = queue->bytes[queue->first];
	queue->first = (queue->first + 1) % queue->size;
	queue->count--;
	return byte;
}

/* The second is a PCI card in slot 1, whose registers are to be mapped first. */
static void openCard(void)
{
	volatile uint32_t* card = words(PCI_SPACE + (1u << 15));
	card[0x10 / 4] = 0x1000;
	card[0x04 / 4] |= 1;
}

static void enable(const Uart* uart)
{
	octets(uart->base)[INTERRUPTS] = (uint8_t)((uart->held ? 0 : INTERRUPT_RECEIVED) | (uart->sending.count ? INTERRUPT_SENT : 0));
}

static void openUart(Uart* uart)
{
	volatile uint8_t* registers = octets(uart->base);
	registers[LINE] = 3;
	registers[FIFO] = 7;
	registers[MODEM] = 11;
	enable(uart);
}

void openUarts(void)
{
	openCard();
	openUart(&serialLine);
	openUart(&console);
}

static void sendSome(Uart* uart)
{
	volatile uint8_t* registers = octets(uart->base);
	int room;
	while (uart->sending.count && registers[STATUS] & STATUS_ROOM) {
		for (room = DEPTH; room && uart->sending.count; room--)
			registers[DATA] = take(&uart->sending);
	}
}

void serveUart(Uart* uart)
{
	volatile uint8_t* registers = octets(uart->base);
	/* Read, it says that the interrupt was seen. */
	(void)registers[FIFO];
	while (registers[STATUS] & STATUS_RECEIVED && uart->received.count < uart->received.size)
		put(&uart->received, registers[DATA]);
	uart->held = uart->received.count == uart->received.size;
	sendSome(uart);
	enable(uart);
}

bool hasReceived(const Uart* uart)
{
	return uart->received.count > 0;
}

size_t countReceived(const Uart* uart)
{
	return uart->received.count;
}

size_t takeReceived(Uart* uart, uint8_t* bytes, size_t most)
{
	size_t taken = 0;
	disableInterrupts();
	while (taken < most && uart->received.count)
		bytes[taken++] = take(&uart->received);
	uart->held = false;
	enable(uart);
	enableInterrupts();
	return taken;
}

size_t roomToSend(const Uart* uart)
{
	return uart->sending.size - uart->sending.count;
}

bool sendBytes(Uart* uart, const void* bytes, size_t length)
{
	const uint8_t* from = bytes;
	if (length > roomToSend(uart))
		return false;
	disableInterrupts();
	while (length--)
		put(&uart->sending, *from++);
	sendSome(uart);
	enable(uart);
	enableInterrupts();
	return true;
}

void finishSending(Uart* uart)
{
	disableInterrupts();
	while (uart->sending.count)
		sendSome(uart);
	while (!(octets(uart->base)[STATUS] & STATUS_SENT))
		;
	enable(uart);
	enableInterrupts();
}
