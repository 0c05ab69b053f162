/* SPDX-License-Identifier: MIT */
/* pi.c - generate, check, insert and extract NVMe protection information: see pi.h */
#include "tuple.h"
#include "stream.h"

/*
 * Below, a guard_job describes where everything is, for separate and extended blocks, with and
 * without a copy.  A tuple directly follows the metadata that its guard covers: the tuple of
 * block i is at md + i * md_stride + md_len.
 */
TEMPLATE struct guard_job whole_job(const struct pi_layout *l, const void *data, const void *md,
				  uint32_t nr)
{
	return (struct guard_job) {
		.data		= data,
		.data_len	= l->data_size,
		.data_stride	= pi_block_size(l),
		.md		= l->extended ? (const uint8_t *)data + l->data_size : md,
		.md_len		= l->type == PI_NONE ? 0 : pi_tuple_offset(l),
		.md_stride	= l->extended ? pi_block_size(l) : l->md_size,
		.nr		= nr,
	};
}

/*
 * Limits of one guard call: enough blocks to process several at the same time, and few enough
 * bytes to stay in the cache.
 */
enum { BATCH = 128, BATCH_BYTES = 64 << 10, BATCH_MIN = 8 };

/* Returns the number of blocks per guard call. */
TEMPLATE size_t batch_blocks(const struct guard_job *job)
{
	size_t nr = BATCH_BYTES >> __builtin_ctzl(job->data_len);	/* a power of two */

	return nr > BATCH ? BATCH : nr < BATCH_MIN ? BATCH_MIN : nr;
}

/*
 * Process a job in batches:
 *
 *	struct batches b = batches_of(job);
 *
 *	while (batch_next(&b, job))
 *
 * batch_next() updates *@job in place to describe the next batch.  It is not copied:
 * reading the struct back right after writing its fields would stall on store
 * forwarding.
 */
struct batches {
	size_t	first;		/* index of the batch's first block in the whole job */
	size_t	most;		/* maximum number of blocks per batch */
	size_t	left;		/* blocks that follow this batch */
};

TEMPLATE struct batches batches_of(struct guard_job *job)
{
	struct batches b = { .most = batch_blocks(job), .left = job->nr };

	job->nr = 0;
	return b;
}

TEMPLATE bool batch_next(struct batches *b, struct guard_job *job)
{
	const size_t done = job->nr;

	if (!b->left)
		return false;
	job->data = (const uint8_t *)job->data + done * job->data_stride;
	job->md = (const uint8_t *)job->md + done * job->md_stride;
	if (job->copy)
		job->copy = (uint8_t *)job->copy + done * job->copy_stride;
	job->nr = b->left < b->most ? b->left : b->most;
	b->first += done;
	b->left -= job->nr;
	return true;
}

TEMPLATE const uint8_t *tuple_at(const struct guard_job *job, size_t i)
{
	return (const uint8_t *)job->md + i * job->md_stride + job->md_len;
}

/* Copy the blocks of a job whose guards are not computed, or are computed from the source only. */
static void copy_blocks(const struct guard_job *job, bool large)
{
	for (size_t i = 0; job->copy && i < job->nr; i++) {
		uint8_t *to = (uint8_t *)job->copy + i * job->copy_stride;
		const uint8_t *from = (const uint8_t *)job->data + i * job->data_stride;
		size_t done = 0;

		if (large)
			done = stream_lines(to, from, job->data_len,
					    from + job->nr * job->data_stride);
		memcpy(to + done, from + done, job->data_len - done);
	}
}

/* Bytes per batch of a copy with non-temporal stores, small enough to stay in the cache. */
enum { STAGE_BYTES = 16 << 10 };

/* Returns whether the copy is faster with non-temporal stores. */
TEMPLATE bool is_large(const struct guard_job *job)
{
	return job->copy && job->nr * job->data_len >= STREAM_MIN &&
	       job->data_stride <= STAGE_BYTES && job->copy_stride <= STAGE_BYTES;
}

/* Copy a batch, and compute its guards if @wanted. */
TEMPLATE void guard_and_copy(const struct pi_layout *l, struct guard_job *job, bool wanted,
			   bool large, uint64_t *guards)
{
	void *const copy = job->copy;

	if (large || !wanted) {
		copy_blocks(job, large);
		job->copy = NULL;
	}
	if (wanted)
		l->format->guard(job, guards);
	job->copy = copy;
}

/* Returns the bits of each field that have to be compared for @checks. */
static struct pi_fields compared(const struct pi_layout *l, const struct pi_tags *t,
				 unsigned checks)
{
	return (struct pi_fields) {
		.guard	 = checks & PI_GUARD ? ~0ULL : 0,
		.app	 = checks & PI_APP ? t->app_mask : 0,
		.storage = checks & PI_STORAGE ? t->storage_mask : 0,
		.ref	 = checks & PI_REF && l->type != PI_TYPE3 ? ~0ULL : 0,
	};
}

/* Returns the bitwise AND of two tuples. */
static inline struct pi_tuple both(struct pi_tuple a, struct pi_tuple b)
{
	return (struct pi_tuple){ a.hi & b.hi, a.lo & b.lo };
}

/* Returns whether any bit of @ones is not set in @t. */
static inline bool lacks(struct pi_tuple t, struct pi_tuple ones)
{
	return (~t.hi & ones.hi) | (~t.lo & ones.lo);
}

struct pi_series pi_series_of(const struct pi_layout *l, const struct pi_tags *t, unsigned checks)
{
	struct pi_series s = { .layout = *l, .checks = checks };
	struct pi_fields same, mask, ones;

	if (l->type == PI_NONE)
		return s;
	same = (struct pi_fields){ .app = t->app, .storage = t->storage };
	mask = compared(l, t, checks);
	ones = (struct pi_fields){ .app = 0xffff, .ref = l->type == PI_TYPE3 ? ~0ULL : 0 };
	s.shared = tuple_pack(l, &same);
	s.mask = tuple_pack(l, &mask);
	s.escape = tuple_pack(l, &ones);
	s.hides = !lacks(s.shared, both(s.mask, s.escape));
	s.ref = t->ref;
	s.ref_step = l->type == PI_TYPE3 ? 0 : 1;
	s.ref_mask = pi_ones(pi_ref_bits(l));
	s.guard_shift = 64 - 8 * l->format->guard_size;
	s.wide = is_wide(l);
	return s;
}

TEMPLATE void store_series(struct pi_series s, bool wide, const struct guard_job *job,
			   size_t first, const uint64_t *guards)
{
	uint8_t *tuple = (uint8_t *)tuple_at(job, 0);
	const size_t stride = job->md_stride, nr = job->nr;

	for (size_t i = 0; i < nr; i++, tuple += stride)
		tuple_store(tuple, wide, series_tuple(&s, wide, guards[i], first + i));
}

TEMPLATE void store_tuples(const struct pi_series *s, const struct guard_job *job, size_t first,
			   const uint64_t *guards)
{
	if (s->wide)
		store_series(*s, true, job, first, guards);
	else
		store_series(*s, false, job, first, guards);
}

/*
 * Generate the tuples of @job, whose metadata is writable memory although job->md is const.  Its
 * first block is block @first of the series.
 */
static void generate(const struct pi_series *s, uint64_t first, struct guard_job *job)
{
	struct batches b = batches_of(job);
	uint64_t guards[BATCH];

	while (batch_next(&b, job)) {
		s->layout.format->guard(job, guards);
		store_tuples(s, job, first + b.first, guards);
	}
}

/*
 * As generate(), for extended blocks that are written with non-temporal stores.  Only whole
 * cache lines can be stored so, but blocks begin and end within lines: a few blocks at a time
 * are assembled with their metadata in a staging buffer, which is then streamed out as a whole.
 */
static void generate_large(const struct pi_series *s, uint64_t first, struct guard_job *job)
{
	const struct pi_layout *l = &s->layout;
	const size_t size = job->copy_stride, md = job->data_len;
	uint8_t stage[STREAM_LINE + STAGE_BYTES] __attribute__((aligned(STREAM_LINE)));
	struct batches b = batches_of(job);
	uint64_t guards[BATCH];
	size_t held = 0;	/* bytes at the start of stage: the last, incomplete line */

	b.most = STAGE_BYTES / size;
	while (batch_next(&b, job)) {
		struct guard_job staged = *job;
		uint8_t *to = (uint8_t *)job->copy - held;
		size_t done, all = held + job->nr * size;

		staged.copy = stage + held;
		staged.md = stage + held + md;
		for (size_t i = 0; l->md_size > l->format->tuple_size && i < job->nr; i++)
			memcpy(stage + held + i * size + md, to + held + i * size + md, size - md);
		l->format->guard(&staged, guards);
		store_tuples(s, &staged, first + b.first, guards);
		done = stream_lines(to, stage, all,
				    (const uint8_t *)job->data + job->nr * job->data_stride);
		held = all - done;
		memmove(stage, stage + done, held);
	}
	memcpy((uint8_t *)job->copy + job->nr * size - held, stage, held);
	stream_end();
}

/* The result so far: all mismatches are counted, the first @max are stored. */
struct mismatches {
	struct pi_error	*errs;
	unsigned	max;
	uint32_t	count;
	uint32_t	escaped;
};

static void compare(struct mismatches *m, uint32_t block, enum pi_check field,
		    uint64_t want, uint64_t got)
{
	if (want == got)
		return;
	if (m->count < m->max)
		m->errs[m->count] = (struct pi_error){ block, field, want, got };
	m->count++;
}

/*
 * Slow path for one block: skip and count it if it escapes, else record every compared field
 * that differs.
 */
static void judge(const struct pi_series *s, struct mismatches *m, uint32_t block,
		  struct pi_tuple want_tuple, struct pi_tuple got_tuple)
{
	const struct pi_layout *l = &s->layout;
	struct pi_fields want = tuple_unpack(l, want_tuple), got = tuple_unpack(l, got_tuple);
	struct pi_fields mask = tuple_unpack(l, s->mask);

	if (pi_escapes(l, &got)) {
		m->escaped++;
		return;
	}
	compare(m, block, PI_GUARD, want.guard & mask.guard, got.guard & mask.guard);
	compare(m, block, PI_APP, want.app & mask.app, got.app & mask.app);
	compare(m, block, PI_STORAGE, want.storage & mask.storage, got.storage & mask.storage);
	compare(m, block, PI_REF, want.ref & mask.ref, got.ref & mask.ref);
}

/*
 * Returns whether all tuples of a batch have the expected values in the compared bits and none
 * escapes.  If @hides is false, a tuple that matches cannot escape.
 */
TEMPLATE bool agree(const struct pi_series *s, bool wide, bool hides, const struct guard_job *job,
		    uint64_t first, const uint64_t *guards)
{
	const uint8_t *tuple = tuple_at(job, 0);
	const size_t stride = job->md_stride, nr = job->nr;
	uint64_t wrong = 0;

	for (size_t i = 0; i < nr; i++, tuple += stride) {
		struct pi_tuple want = series_tuple(s, wide, guards[i], first + i);
		struct pi_tuple got = tuple_load(tuple, wide);

		wrong |= ((want.hi ^ got.hi) & s->mask.hi) | ((want.lo ^ got.lo) & s->mask.lo);
		if (hides)
			wrong |= !lacks(got, s->escape);
	}
	return !wrong;
}

TEMPLATE bool matches(const struct pi_series *s, const struct guard_job *job, uint64_t first,
		      const uint64_t *guards)
{
	if (s->wide)
		return s->hides ? agree(s, true, true, job, first, guards) :
				  agree(s, true, false, job, first, guards);
	return s->hides ? agree(s, false, true, job, first, guards) :
			  agree(s, false, false, job, first, guards);
}

/* Slow path for a batch in which a tuple mismatches or escapes; matching tuples are not counted. */
static void judge_batch(const struct pi_series *s, uint64_t first, struct mismatches *m,
			const struct guard_job *job, size_t done, const uint64_t *guards)
{
	for (size_t i = 0; i < job->nr; i++)
		judge(s, m, done + i, series_tuple(s, s->wide, guards[i], first + done + i),
		      tuple_load(tuple_at(job, i), s->wide));
}

TEMPLATE struct pi_verdict verify(const struct pi_series *s, uint64_t first, struct guard_job *job,
				  struct mismatches *m)
{
	const bool large = is_large(job), wanted = s->checks & PI_GUARD;
	struct batches b = batches_of(job);
	uint64_t guards[BATCH];

	if (large)
		b.most = STAGE_BYTES / job->data_stride;
	if (!wanted)
		memset(guards, 0, sizeof(guards));
	while (batch_next(&b, job)) {
		guard_and_copy(&s->layout, job, wanted, large, guards);
		/* matches() is the fast path: mismatches and escapes are both rare. */
		if (!matches(s, job, first + b.first, guards))
			judge_batch(s, first, m, job, b.first, guards);
	}
	if (large)
		stream_end();
	return (struct pi_verdict){ m->count, m->escaped };
}

void pi_generate_at(const struct pi_series *s, uint64_t first, void *data, void *md, uint32_t nr)
{
	struct guard_job job = whole_job(&s->layout, data, md, nr);

	if (s->layout.type != PI_NONE)
		generate(s, first, &job);
}

struct pi_verdict pi_verify_at(const struct pi_series *s, uint64_t first, const void *data,
			       const void *md, uint32_t nr, struct pi_error *errs, unsigned max)
{
	struct guard_job job = whole_job(&s->layout, data, md, nr);

	if (s->layout.type == PI_NONE)
		return (struct pi_verdict){ 0 };
	return verify(s, first, &job, &(struct mismatches){ .errs = errs, .max = max });
}

void pi_insert_at(const struct pi_series *s, uint64_t first, const void *data, void *ext, uint32_t nr)
{
	struct guard_job job = whole_job(&s->layout, ext, NULL, nr);

	job.copy = ext;
	job.copy_stride = job.data_stride;
	job.data = data;
	job.data_stride = s->layout.data_size;
	if (s->layout.type == PI_NONE)
		copy_blocks(&job, false);
	else if (is_large(&job))
		generate_large(s, first, &job);
	else
		generate(s, first, &job);
}

struct pi_verdict pi_extract_at(const struct pi_series *s, uint64_t first, const void *ext,
				void *data, uint32_t nr, struct pi_error *errs, unsigned max)
{
	struct guard_job job = whole_job(&s->layout, ext, NULL, nr);

	job.copy = data;
	job.copy_stride = s->layout.data_size;
	if (s->layout.type != PI_NONE)
		return verify(s, first, &job, &(struct mismatches){ .errs = errs, .max = max });
	copy_blocks(&job, false);
	return (struct pi_verdict){ 0 };
}

/* --- single commands: each is a series of its own --- */

void pi_generate(const struct pi_layout *l, const struct pi_tags *t,
		 void *data, void *md, uint32_t nr)
{
	const struct pi_series s = pi_series_of(l, t, 0);

	pi_generate_at(&s, 0, data, md, nr);
}

struct pi_verdict pi_verify(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			    const void *data, const void *md, uint32_t nr,
			    struct pi_error *errs, unsigned max)
{
	const struct pi_series s = pi_series_of(l, t, checks);

	return pi_verify_at(&s, 0, data, md, nr, errs, max);
}

void pi_insert(const struct pi_layout *l, const struct pi_tags *t,
	       const void *data, void *ext, uint32_t nr)
{
	const struct pi_series s = pi_series_of(l, t, 0);

	pi_insert_at(&s, 0, data, ext, nr);
}

struct pi_verdict pi_extract(const struct pi_layout *l, const struct pi_tags *t, unsigned checks,
			     const void *ext, void *data, uint32_t nr,
			     struct pi_error *errs, unsigned max)
{
	const struct pi_series s = pi_series_of(l, t, checks);

	return pi_extract_at(&s, 0, ext, data, nr, errs, max);
}
