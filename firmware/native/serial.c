/* native.serial: a serial device, or a pseudo-terminal that stands for the board's end of a cable. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "host.h"

#define PORTS 4
/* What waits for a slow reader; a frame that does not fit is lost whole, as on a wire, and the link sends it again. */
#define QUEUE 16384

typedef struct {
	bool open;
	int fd;
	/* The host's own hold on the other side of a pseudo-terminal: while it is open, a peer that goes away causes no hang-up. */
	int otherSide;
	char name[PATH_MAX];
	char link[PATH_MAX];
	speed_t speed;
	Watch* watch;
	Callback received;
	Callback closed;
	uint8_t queue[QUEUE];
	size_t queued;
} Port;

static Port ports[PORTS];

static void takeLinkAway(Port* port)
{
	char target[PATH_MAX];
	ssize_t length;
	if (!port->link[0])
		return;
	/* Another board may have put its own there since. */
	length = readlink(port->link, target, sizeof target - 1);
	if (length > 0 && (target[length] = 0, !strcmp(target, port->name)))
		unlink(port->link);
	port->link[0] = 0;
}

static void closePort(xsMachine* the, Port* port)
{
	unwatch(port->watch);
	takeLinkAway(port);
	/* Else closing waits until a device that takes nothing has taken all. */
	tcflush(port->fd, TCOFLUSH);
	close(port->fd);
	if (port->otherSide >= 0)
		close(port->otherSide);
	dropCallback(the, &port->received);
	port->open = false;
}

void closeSerials(void)
{
	int i;
	for (i = 0; i < PORTS; i++) {
		if (ports[i].open)
			takeLinkAway(&ports[i]);
	}
}

static void lost(xsMachine* the, Port* port, const char* reason)
{
	closePort(the, port);
	callBackText(the, &port->closed, reason, strlen(reason));
}

static void flushQueue(Port* port)
{
	ssize_t written = write(port->fd, port->queue, port->queued);
	if (written > 0) {
		port->queued -= (size_t)written;
		memmove(port->queue, port->queue + written, port->queued);
	}
	port->watch->events = port->queued ? POLLIN | POLLOUT : POLLIN;
}

static void portReady(xsMachine* the, short events, void* context)
{
	Port* port = context;
	uint8_t buffer[4096];
	ssize_t got;
	if (events & POLLOUT)
		flushQueue(port);
	if (!(events & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
		return;
	got = read(port->fd, buffer, sizeof buffer);
	if (got > 0)
		callBackBytes(the, &port->received, buffer, (xsUnsignedValue)got);
	else if (got == 0)
		lost(the, port, "the device is gone");
	else if (errno != EAGAIN && errno != EINTR)
		lost(the, port, strerror(errno));
}

static Port* freePort(xsMachine* the)
{
	int i;
	for (i = 0; i < PORTS; i++) {
		if (!ports[i].open) {
			memset(&ports[i], 0, offsetof(Port, received));
			ports[i].queued = 0;
			ports[i].otherSide = -1;
			return &ports[i];
		}
	}
	fail(the, "serial-ports", "Close one first.", "More than %d serial ports are open", PORTS);
}

static void startPort(xsMachine* the, Port* port, int received)
{
	keepCallback(the, &port->received, received);
	keepCallback(the, &port->closed, received + 1);
	port->watch = watch(the, port->fd, POLLIN, portReady, port);
	port->open = true;
	xsmcSetInteger(xsResult, (xsIntegerValue)(port - ports));
}

static void failOpening(xsMachine* the, const char* path, int error)
{
	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		fail(the, "serial-missing", "Plug the cable in, and see the ports with: ls /dev/serial/by-id", "There is no serial port %s", path);
	case EACCES:
	case EPERM:
		fail(the, "serial-permission", "Join the group that owns it (dialout on Debian), and log in again.", "You may not open the serial port %s", path);
	case EBUSY:
	case EWOULDBLOCK:
		fail(the, "serial-busy", "End the other program, or name another port.", "Another program uses the serial port %s", path);
	case ENOTTY:
	case EINVAL:
		fail(the, "serial-device", "Name a serial port, like /dev/ttyUSB0.", "%s is no serial port", path);
	default:
		fail(the, "serial-open", "See that the device works.", "The serial port %s can't be opened: %s", path, strerror(error));
	}
}

static speed_t speedOf(int baud)
{
	static const struct { int baud; speed_t speed; } speeds[] = {
		{ 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 },
		{ 460800, B460800 }, { 921600, B921600 }, { 1000000, B1000000 }, { 2000000, B2000000 }
	};
	size_t i;
	for (i = 0; i < sizeof speeds / sizeof *speeds; i++) {
		if (speeds[i].baud == baud)
			return speeds[i].speed;
	}
	return B0;
}

/* Eight bits, no parity, no flow control, nothing changed on the way. Returns 0, or errno. */
static int makeRaw(int fd, speed_t speed)
{
	struct termios line;
	if (tcgetattr(fd, &line))
		return errno;
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL | CREAD;
	line.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
	cfsetspeed(&line, speed);
	return tcsetattr(fd, TCSANOW, &line) ? errno : 0;
}

/* Where the settings are that another program can change. */
static int settingsOf(const Port* port)
{
	return port->otherSide >= 0 ? port->otherSide : port->fd;
}

/* Whether anything is set that would change, hold back or lose bytes. */
static bool isRaw(const Port* port)
{
	struct termios line;
	if (tcgetattr(settingsOf(port), &line))
		return true;
	return !(line.c_iflag & (ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | IXON | IXOFF | PARMRK))
		&& !(line.c_oflag & OPOST)
		&& !(line.c_lflag & (ICANON | ECHO | ISIG | IEXTEN))
		&& (line.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS)) == CS8
		&& (port->otherSide >= 0 || (cfgetospeed(&line) == port->speed && cfgetispeed(&line) == port->speed));
}

/* Returns 0 with `port->fd` open, locked and raw, or errno with nothing open. */
static int openDevice(Port* port)
{
	int error;
	port->fd = open(port->name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->fd < 0)
		return errno;
	error = !isatty(port->fd) ? ENOTTY : flock(port->fd, LOCK_EX | LOCK_NB) ? errno : ioctl(port->fd, TIOCEXCL) ? errno : makeRaw(port->fd, port->speed);
	if (error)
		close(port->fd);
	return error;
}

static void openPort(xsMachine* the)
{
	Port* port = freePort(the);
	char* path = textArgument(the, 0);
	int baud = (int)numberArgument(the, 1, 0, 1e9);
	int error;
	snprintf(port->name, sizeof port->name, "%s", path);
	free(path);
	port->speed = speedOf(baud);
	if (port->speed == B0)
		fail(the, "serial-speed", "Take 115200, or another common speed.", "%d baud is no speed of serial ports", baud);
	error = openDevice(port);
	if (error)
		failOpening(the, port->name, error);
	startPort(the, port, 2);
}

/* Puts the name there in one step, over what an earlier run may have left. Returns 0, or errno. */
static int nameTerminal(Port* port)
{
	char temporary[PATH_MAX + 16];
	struct stat status;
	if (lstat(port->link, &status) == 0 && !S_ISLNK(status.st_mode))
		return EEXIST;
	snprintf(temporary, sizeof temporary, "%s.%d", port->link, (int)getpid());
	unlink(temporary);
	if (symlink(port->name, temporary))
		return errno;
	if (rename(temporary, port->link)) {
		int error = errno;
		unlink(temporary);
		return error;
	}
	return 0;
}

/* Returns 0 with both sides open and raw, or errno with nothing open. */
static int openBothSides(Port* port)
{
	int error = 0;
	port->speed = B115200;
	port->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->fd < 0)
		return errno;
	if (grantpt(port->fd) || unlockpt(port->fd) || ptsname_r(port->fd, port->name, sizeof port->name))
		error = errno;
	else if ((port->otherSide = open(port->name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		error = errno;
	else if ((error = makeRaw(port->otherSide, port->speed)))
		close(port->otherSide);
	if (error)
		close(port->fd);
	return error;
}

static void openTerminal(xsMachine* the)
{
	Port* port = freePort(the);
	char* link = textArgument(the, 0);
	int error;
	snprintf(port->link, sizeof port->link, "%s", link);
	free(link);
	error = openBothSides(port);
	if (error)
		fail(the, "serial-terminal", "See that /dev/pts is mounted.", "A pseudo-terminal can't be made: %s", strerror(error));
	error = nameTerminal(port);
	if (error) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s", port->link);
		port->link[0] = 0;
		close(port->fd);
		close(port->otherSide);
		fail(the, "serial-link", "Name a path in a folder of yours where nothing stands.", "The pseudo-terminal can't be named %s: %s", path, strerror(error));
	}
	startPort(the, port, 1);
}

static Port* portArgument(xsMachine* the)
{
	Port* port = &ports[(int)numberArgument(the, 0, 0, PORTS - 1)];
	if (!port->open)
		fail(the, "serial-closed", "Open it again.", "The serial port %s is closed", port->name);
	return port;
}

static void writePort(xsMachine* the)
{
	Port* port = portArgument(the);
	Bytes bytes = bytesArgument(the, 1);
	if (bytes.length > QUEUE - port->queued) {
		xsmcSetFalse(xsResult);
		return;
	}
	memcpy(port->queue + port->queued, bytes.data, bytes.length);
	port->queued += bytes.length;
	flushQueue(port);
	xsmcSetTrue(xsResult);
}

static void repair(xsMachine* the)
{
	Port* port = portArgument(the);
	bool changed = !isRaw(port);
	xsmcSetBoolean(xsResult, changed && !makeRaw(settingsOf(port), port->speed));
}

static void closeByProgram(xsMachine* the)
{
	closePort(the, portArgument(the));
}

void defineSerial(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "openPort", openPort, 4);
	defineFunction(the, &xsVar(1), "openTerminal", openTerminal, 3);
	defineFunction(the, &xsVar(1), "write", writePort, 2);
	defineFunction(the, &xsVar(1), "repair", repair, 1);
	defineFunction(the, &xsVar(1), "close", closeByProgram, 1);
	defineFrozen(the, native, "serial", &xsVar(1));
}
