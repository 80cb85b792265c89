/* native.timer: what calls back at a time, of any host. */
#include <math.h>
#include "host.h"

#define TIMERS 16

typedef struct {
	Callback callback;
	double at;
	bool armed;
} Timer;

static Timer timers[TIMERS];
static int timersOpen = 0;

static Timer* openTimer(xsMachine* the, int argument)
{
	if (timersOpen == TIMERS)
		fail(the, "native-timers", "Share a timer.", "More than %d timers are open", TIMERS);
	keepCallback(the, &timers[timersOpen].callback, argument);
	return &timers[timersOpen++];
}

static Timer* timerNumber(int number)
{
	return number >= 0 && number < timersOpen ? &timers[number] : NULL;
}

static int numberOf(const Timer* timer)
{
	return (int)(timer - timers);
}

void runTimers(xsMachine* the)
{
	double now = monotonicMilliseconds();
	int i;
	for (i = 0; i < timersOpen; i++) {
		if (timers[i].armed && timers[i].at <= now) {
			timers[i].armed = false;
			callBack(the, &timers[i].callback);
		}
	}
}

double nextTimer(void)
{
	double next = INFINITY;
	int i;
	for (i = 0; i < timersOpen; i++) {
		if (timers[i].armed && timers[i].at < next)
			next = timers[i].at;
	}
	return next;
}

static void timerOpen(xsMachine* the)
{
	xsmcSetInteger(xsResult, numberOf(openTimer(the, 0)));
}

static Timer* timerArgument(xsMachine* the)
{
	Timer* timer = timerNumber((int)numberArgument(the, 0, 0, 1000));
	if (!timer)
		xsRangeError("no such timer");
	return timer;
}

static void timerSet(xsMachine* the)
{
	Timer* timer = timerArgument(the);
	timer->at = numberArgument(the, 1, -1e15, 1e15);
	timer->armed = true;
}

static void timerStop(xsMachine* the)
{
	timerArgument(the)->armed = false;
}

void defineTimer(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "open", timerOpen, 1);
	defineFunction(the, &xsVar(1), "set", timerSet, 2);
	defineFunction(the, &xsVar(1), "stop", timerStop, 1);
	defineFrozen(the, native, "timer", &xsVar(1));
}
