/* What NVS asks of ESP-IDF, for a host: each of the headers that it names includes this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_INVALID_SIZE 0x104
#define ESP_ERR_NOT_FOUND 0x105
#define ESP_ERR_NOT_SUPPORTED 0x106
#define ESP_ERR_FLASH_OP_FAIL 0x6001
#define ESP_ERR_NVS_BASE 0x1100
#define IDF_DEPRECATED(reason)
#define ESP_LOGE(tag, ...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
#define ESP_LOGW(tag, ...) (void)(tag)
#define ESP_LOGI(tag, ...) (void)(tag)
#define ESP_LOGD(tag, ...) (void)(tag)
#define ESP_LOGV(tag, ...) (void)(tag)
#define SPI_FLASH_SEC_SIZE 4096

#ifdef __cplusplus
extern "C"
#endif
uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *bytes, uint32_t length);

static inline size_t strlcpy(char *to, const char *from, size_t size) {
	snprintf(to, size, "%s", from);
	return strlen(from);
}
