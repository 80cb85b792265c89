/* native.sensors: what the machine knows of itself. NaN where it has no such thing. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "host.h"

static double firstNumberOf(const char* path)
{
	double number = NAN;
	FILE* file = fopen(path, "r");
	if (!file)
		return NAN;
	if (fscanf(file, "%lf", &number) != 1)
		number = NAN;
	fclose(file);
	return number;
}

/* Kilobytes of one line of /proc/meminfo. */
static double memoryLine(const char* name)
{
	char line[128];
	double kilobytes = NAN;
	FILE* file = fopen("/proc/meminfo", "r");
	if (!file)
		return NAN;
	while (isnan(kilobytes) && fgets(line, sizeof line, file)) {
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), " %lf", &kilobytes);
	}
	fclose(file);
	return kilobytes;
}

static void load(xsMachine* the)
{
	xsmcSetNumber(xsResult, firstNumberOf("/proc/loadavg"));
}

static void memoryUsed(xsMachine* the)
{
	xsmcSetNumber(xsResult, (memoryLine("MemTotal:") - memoryLine("MemAvailable:")) / 1024);
}

static void memoryPercent(xsMachine* the)
{
	double total = memoryLine("MemTotal:");
	xsmcSetNumber(xsResult, (total - memoryLine("MemAvailable:")) / total * 100);
}

static double firstThermometer(const char* pattern)
{
	glob_t found;
	double thousandths = NAN;
	size_t i;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (i = 0; i < found.gl_pathc && isnan(thousandths); i++)
			thousandths = firstNumberOf(found.gl_pathv[i]);
	}
	globfree(&found);
	return thousandths / 1000;
}

static void temperature(xsMachine* the)
{
	double degrees = firstThermometer("/sys/class/thermal/thermal_zone*/temp");
	if (isnan(degrees))
		degrees = firstThermometer("/sys/class/hwmon/hwmon*/temp*_input");
	xsmcSetNumber(xsResult, degrees);
}

static void uptime(xsMachine* the)
{
	xsmcSetNumber(xsResult, firstNumberOf("/proc/uptime"));
}

void defineSensors(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "load", load, 0);
	defineFunction(the, &xsVar(1), "memoryUsed", memoryUsed, 0);
	defineFunction(the, &xsVar(1), "memoryPercent", memoryPercent, 0);
	defineFunction(the, &xsVar(1), "temperature", temperature, 0);
	defineFunction(the, &xsVar(1), "uptime", uptime, 0);
	defineFrozen(the, native, "sensors", &xsVar(1));
}
