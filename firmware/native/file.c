/* native.readFile: a small file at once, as the provision that a board is given. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"

#define FILE_LIMIT (1024 * 1024)

static void readFile(xsMachine* the)
{
	char* path = textArgument(the, 0);
	char name[256];
	FILE* file = fopen(path, "rb");
	uint8_t* content;
	size_t length;
	snprintf(name, sizeof name, "%s", path);
	free(path);
	if (!file)
		fail(the, "file-missing", "Name a file that is there and that you may read.", "The file %s can't be read: %s", name, strerror(errno));
	content = malloc(FILE_LIMIT + 1);
	length = content ? fread(content, 1, FILE_LIMIT + 1, file) : 0;
	fclose(file);
	if (length == 0 || length > FILE_LIMIT) {
		free(content);
		fail(the, "file-size", "Name another file.", "The file %s is empty, or has more than %d bytes", name, FILE_LIMIT);
	}
	memcpy(resultBytes(the, (xsUnsignedValue)length), content, length);
	free(content);
}

void defineFile(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "readFile", readFile, 1);
}
