/* Stands in for libcudart: device memory is host memory, a stream does at once what it is told. */
#include <stdlib.h>
#include <string.h>
static size_t allocated, limit = 1 << 30;
static struct block { void *at; size_t size; } blocks[256];
int cudaStreamCreate(void **stream) { *stream = (void *)0x5; return 0; }
int cudaStreamSynchronize(void *stream) { return stream == (void *)0x5 ? 0 : 400; }
int cudaMalloc(void **pointer, size_t size) {
    if (allocated + size > limit) return 2;
    for (int i = 0; i < 256; i++)
        if (!blocks[i].at) {
            *pointer = blocks[i].at = malloc(size);
            allocated += blocks[i].size = size;
            return 0;
        }
    return 2;
}
int cudaFree(void *pointer) {
    for (int i = 0; i < 256; i++)
        if (blocks[i].at == pointer) {
            allocated -= blocks[i].size;
            free(pointer);
            blocks[i].at = 0;
            return 0;
        }
    return 1;
}
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
    if (stream != (void *)0x5 || (kind != 1 && kind != 2)) return 1;
    memcpy(to, from, size);
    return 0;
}
const char *cudaGetErrorString(int code) { return code == 2 ? "out of memory" : "invalid value"; }
size_t stub_allocated(void) { return allocated; }
