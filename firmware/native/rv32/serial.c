/* native.serial: the cable, the board's first serial line. */
#include <math.h>
#include "machine.h"
#include "natives.h"

#define PIECE 512
/* Of what comes byte after byte the program is not told for each few of them: what it does for a piece is more than what it does for a byte. */
#define QUIET_MS 1

static Callback received;
/* Bytes that wait, and when their number changed. */
static size_t waiting = 0;
static double changedAt = 0;

double nextReceived(void)
{
	size_t now = received.kept ? countReceived(&serialLine) : 0;
	if (now != waiting)
		changedAt = monotonicMilliseconds();
	waiting = now;
	return now == 0 ? INFINITY : now >= PIECE ? 0 : changedAt + QUIET_MS;
}

void passReceived(xsMachine* the)
{
	uint8_t bytes[PIECE];
	size_t length;
	if (nextReceived() > monotonicMilliseconds())
		return;
	length = takeReceived(&serialLine, bytes, sizeof bytes);
	waiting = 0;
	callBackBytes(the, &received, bytes, (xsUnsignedValue)length);
}

static void openPort(xsMachine* the)
{
	keepCallback(the, &received, 2);
	xsmcSetInteger(xsResult, 0);
}

static void writePort(xsMachine* the)
{
	Bytes bytes = bytesArgument(the, 1);
	xsmcSetBoolean(xsResult, sendBytes(&serialLine, bytes.data, bytes.length));
}

/* Nobody else can set it. */
static void repair(xsMachine* the)
{
	xsmcSetBoolean(xsResult, 0);
}

static void closePort(xsMachine* the)
{
	dropCallback(the, &received);
}

void defineSerial(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "openPort", openPort, 4);
	defineFunction(the, &xsVar(1), "write", writePort, 2);
	defineFunction(the, &xsVar(1), "repair", repair, 1);
	defineFunction(the, &xsVar(1), "close", closePort, 1);
	defineFrozen(the, native, "serial", &xsVar(1));
}
