/* native.random: bytes of the virtio entropy device (virtio 1.0, 5.4; its legacy registers over MMIO), which QEMU fills from the kernel's generator. */
#include <string.h>
#include "machine.h"
#include "natives.h"

#define PAGE 4096
#define ENTRIES 4
#define PATIENCE_MS 1000

/* Of words: */
#define MAGIC 0
#define VERSION 1
#define DEVICE 2
#define GUEST_FEATURES 8
#define GUEST_PAGE 10
#define QUEUE 12
#define QUEUE_LENGTH 14
#define QUEUE_ALIGN 15
#define QUEUE_PAGE 16
#define NOTIFY 20
#define STATUS 28

typedef struct {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
} Descriptor;

/* With an alignment of 64 it is whole within a page; the legacy device finds it by the number of that page. */
static struct {
	Descriptor descriptors[ENTRIES];
	struct {
		uint16_t flags;
		uint16_t index;
		uint16_t ring[ENTRIES];
		uint16_t event;
	} available;
	uint8_t gap[128 - sizeof(Descriptor) * ENTRIES - 14];
	struct {
		uint16_t flags;
		volatile uint16_t index;
		struct {
			uint32_t id;
			uint32_t length;
		} ring[ENTRIES];
	} used;
	uint8_t bytes[64];
} queue __attribute__((aligned(256)));

static volatile uint32_t* device = NULL;

static volatile uint32_t* findDevice(void)
{
	unsigned i;
	for (i = 0; i < VIRTIO_COUNT; i++) {
		volatile uint32_t* found = words(VIRTIO + i * VIRTIO_STRIDE);
		if (found[MAGIC] == 0x74726976 && found[VERSION] == 1 && found[DEVICE] == 4)
			return found;
	}
	return NULL;
}

static void openDevice(void)
{
	device = findDevice();
	if (!device)
		return;
	memset(&queue, 0, sizeof queue);
	device[STATUS] = 0;
	device[STATUS] = 3;
	device[GUEST_FEATURES] = 0;
	/* Pages of 256 bytes: a structure as small as this begins at one. */
	device[GUEST_PAGE] = 256;
	device[QUEUE] = 0;
	device[QUEUE_LENGTH] = ENTRIES;
	device[QUEUE_ALIGN] = 128;
	device[QUEUE_PAGE] = (uint32_t)(uintptr_t)&queue / 256;
	device[STATUS] = 7;
}

/* Returns how many came. */
static size_t request(size_t count)
{
	double patience = monotonicMilliseconds() + PATIENCE_MS;
	uint16_t before = queue.used.index;
	queue.descriptors[0] = (Descriptor){ (uintptr_t)queue.bytes, (uint32_t)count, 2, 0 };
	queue.available.ring[queue.available.index % ENTRIES] = 0;
	__sync_synchronize();
	queue.available.index++;
	__sync_synchronize();
	device[NOTIFY] = 0;
	while (queue.used.index == before) {
		if (monotonicMilliseconds() > patience)
			return 0;
	}
	__sync_synchronize();
	return queue.used.ring[before % ENTRIES].length;
}

static void randomBytes(xsMachine* the)
{
	xsUnsignedValue count = (xsUnsignedValue)numberArgument(the, 0, 0, 65536);
	uint8_t* bytes = resultBytes(the, count);
	xsUnsignedValue done = 0;
	if (!device)
		openDevice();
	while (done < count) {
		size_t wanted = count - done < sizeof queue.bytes ? count - done : sizeof queue.bytes;
		size_t got = device ? request(wanted) : 0;
		if (got == 0 || got > wanted)
			fail(the, "native-random", "Start QEMU with -device virtio-rng-device: nothing secret can be made without it.", "The machine gives no random bytes");
		memcpy(bytes + done, queue.bytes, got);
		done += got;
	}
}

void defineRandom(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "random", randomBytes, 1);
}
