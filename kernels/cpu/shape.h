/* The sizes of a motion network or an encoder, and its weights. */
#pragma once
#include <stdint.h>

typedef struct {
    int64_t inputs;              /* of one token */
    int64_t model, width;        /* d_model, and padded */
    int64_t inner, hidden;       /* padded: channels of the scan, of the MLP */
    int64_t rank, states, taps;  /* dt_rank, d_state, d_conv */
    int64_t select;              /* rank + 2 states, padded */
    int64_t layers, directions;
    int64_t back;                /* tokens of the look-back (step.h), 0 without */
    int64_t first;               /* inputs of the first layer: inputs, and inner with look-back */
    int64_t outputs;             /* of the head */
    float limit;                 /* inputs beyond it are taken as it */
    const float *weights;        /* in the order of packing.py */
    int64_t floats;              /* of weights */
} Shape;

typedef struct Members Members; /* of committee.h */
