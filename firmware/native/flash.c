/* native.flash: a file that behaves as NOR flash does: an erase sets a sector to ones, a program only clears bits. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

#define FLASHES 2
#define SECTOR_LIMIT 65536

typedef struct {
	bool open;
	int fd;
	off_t size;
	uint32_t sectorSize;
	char path[PATH_MAX];
} FlashFile;

static FlashFile flashes[FLASHES];

/* What may pass by itself, as a disk that is full, has codes of its own: `firmware/device/flash.ts` waits for it. */
static void __attribute__((noreturn)) failAt(xsMachine* the, const char* path, const char* deed, int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		fail(the, "flash-space", "Make room on its disk.", "The flash file %s can't be %s: %s", path, deed, strerror(error));
	case EROFS:
		fail(the, "flash-readonly", "Mount its disk for writing.", "The flash file %s can't be %s: %s", path, deed, strerror(error));
	case EACCES:
	case EPERM:
		fail(the, "flash-permission", "Run the board as the user who owns the file and its folder, or give both to this one: chown.", "The flash file %s can't be %s: %s", path, deed, strerror(error));
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
	case ELOOP:
		fail(the, "flash-path", "Name a file in a folder that is there.", "The flash file %s can't be %s: %s", path, deed, strerror(error));
	default:
		fail(the, "flash-io", "See that its disk works.", "The flash file %s can't be %s: %s", path, deed, strerror(error));
	}
}

/* A short count says nothing of why: the file has become shorter, or its disk full. */
static void checkCount(xsMachine* the, const FlashFile* flash, const char* deed, ssize_t count, size_t wanted)
{
	if (count != (ssize_t)wanted)
		failAt(the, flash->path, deed, count < 0 ? errno : EIO);
}

/* Returns 0, or errno. */
static int writeErased(int fd, off_t size)
{
	uint8_t ones[4096];
	memset(ones, 0xFF, sizeof ones);
	while (size > 0) {
		ssize_t written = write(fd, ones, size < (off_t)sizeof ones ? (size_t)size : sizeof ones);
		if (written < 0 && errno != EINTR)
			return errno;
		if (written < 0)
			continue;
		size -= written;
	}
	return fsync(fd) ? errno : 0;
}

static void syncFolder(const char* path)
{
	char folder[PATH_MAX];
	char* slash;
	int fd;
	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	strcpy(slash ? slash + 1 : folder, ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* A new flash comes into being whole, or not at all. */
static int createErased(const char* path, off_t size)
{
	char temporary[PATH_MAX + 16];
	int error;
	int fd;
	snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	error = writeErased(fd, size);
	close(fd);
	/* link, not rename: a file that came there meanwhile stays. */
	if (!error && link(temporary, path) && errno != EEXIST)
		error = errno;
	unlink(temporary);
	if (!error)
		syncFolder(path);
	return error;
}

static void openFlash(xsMachine* the)
{
	FlashFile* flash = flashes[0].open ? &flashes[1] : &flashes[0];
	char* path = textArgument(the, 0);
	struct stat status;
	int error = 0;
	if (flash->open)
		fail(the, "flash-files", "Keep to one a program.", "More than %d flash files are open", FLASHES);
	snprintf(flash->path, sizeof flash->path, "%s", path);
	free(path);
	flash->size = (off_t)numberArgument(the, 1, 1, 1 << 30);
	flash->sectorSize = (uint32_t)numberArgument(the, 2, 256, SECTOR_LIMIT);
	if (access(flash->path, F_OK) && (error = createErased(flash->path, flash->size)))
		failAt(the, flash->path, "made", error);
	flash->fd = open(flash->path, O_RDWR | O_CLOEXEC);
	if (flash->fd < 0)
		failAt(the, flash->path, "opened", errno);
	if (flock(flash->fd, LOCK_EX | LOCK_NB)) {
		close(flash->fd);
		fail(the, "flash-busy", "End the board that runs on it, or name another file.", "The flash file %s is in use by another process", flash->path);
	}
	if (fstat(flash->fd, &status) || status.st_size != flash->size) {
		close(flash->fd);
		fail(the, "flash-size", "Name the file of this board, or a new one.", "The flash file %s has %lld bytes, and must have %lld", flash->path,
			(long long)status.st_size, (long long)flash->size);
	}
	flash->open = true;
	xsmcSetInteger(xsResult, (xsIntegerValue)(flash - flashes));
}

static FlashFile* flashArgument(xsMachine* the)
{
	FlashFile* flash = &flashes[(int)numberArgument(the, 0, 0, FLASHES - 1)];
	if (!flash->open)
		xsRangeError("no such flash");
	return flash;
}

static void readFlash(xsMachine* the)
{
	FlashFile* flash = flashArgument(the);
	off_t offset = (off_t)numberArgument(the, 1, 0, (double)flash->size);
	size_t length = (size_t)numberArgument(the, 2, 0, (double)(flash->size - offset));
	uint8_t* bytes = resultBytes(the, (xsUnsignedValue)length);
	checkCount(the, flash, "read", pread(flash->fd, bytes, length, offset), length);
}

static void programFlash(xsMachine* the)
{
	FlashFile* flash = flashArgument(the);
	off_t offset = (off_t)numberArgument(the, 1, 0, (double)flash->size);
	Bytes bytes = bytesArgument(the, 2);
	uint8_t cells[4096];
	xsUnsignedValue done = 0;
	if ((off_t)bytes.length > flash->size - offset)
		xsRangeError("the program reaches past the flash");
	while (done < bytes.length) {
		size_t count = bytes.length - done < sizeof cells ? bytes.length - done : sizeof cells;
		size_t i;
		checkCount(the, flash, "read", pread(flash->fd, cells, count, offset + done), count);
		for (i = 0; i < count; i++)
			cells[i] &= bytes.data[done + i];
		checkCount(the, flash, "written", pwrite(flash->fd, cells, count, offset + done), count);
		done += count;
	}
}

static void eraseFlash(xsMachine* the)
{
	FlashFile* flash = flashArgument(the);
	double sector = numberArgument(the, 1, 0, (double)(flash->size / flash->sectorSize - 1));
	uint8_t ones[SECTOR_LIMIT];
	memset(ones, 0xFF, flash->sectorSize);
	checkCount(the, flash, "erased", pwrite(flash->fd, ones, flash->sectorSize, (off_t)sector * flash->sectorSize), flash->sectorSize);
}

static void syncFlash(xsMachine* the)
{
	FlashFile* flash = flashArgument(the);
	if (fdatasync(flash->fd))
		failAt(the, flash->path, "made durable", errno);
}

void defineFlash(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "open", openFlash, 3);
	defineFunction(the, &xsVar(1), "read", readFlash, 3);
	defineFunction(the, &xsVar(1), "program", programFlash, 3);
	defineFunction(the, &xsVar(1), "erase", eraseFlash, 2);
	defineFunction(the, &xsVar(1), "sync", syncFlash, 1);
	defineFrozen(the, native, "flash", &xsVar(1));
}
