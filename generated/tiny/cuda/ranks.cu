// The C interface of ranks.h on GPUs, over NCCL.
#include "ranks.h"

#include <algorithm>
#include <cstring>

#include "session.h"

namespace {

void check_place(const mlac_place& place) {
  if (place.size < 1 || place.rank < 0 || place.rank >= place.size)
    throw Failure("there is no rank " + std::to_string(place.rank) + " among " + std::to_string(place.size));
  const int64_t count = mlac::Shares::bounds_count(place.size);
  if (place.bounds_count != count)
    throw Failure("the ranks' shares have " + std::to_string(place.bounds_count) + " boundaries; " + std::to_string(place.size) + " ranks of this model have " + std::to_string(count));
}

mlac::Nccl& together(mlac_session* session) {
  if (!session->nccl) throw Failure("the session was opened without other ranks");
  return *session->nccl;
}

/// One collective, from its beginning to its end on the device.
void do_now(mlac_session* session, const char* doing, const std::function<void(mlac::Nccl&)>& work) {
  mlac::Nccl& nccl = together(session);
  nccl.begin();
  work(nccl);
  nccl.finish(doing);
}

/// What each rank owns of a slice comes to rank 0, piece by piece, into the memory that programs share; `take` gets it there.
void send_state(mlac_session* session, const mlac::Tensor& tensor, float* own, char* out) {
  const mlac::Shares& shares = session->rank->shares;
  const int64_t elements = mlac::TRAINED[tensor.trained].elements, most = mlac::SHARED_BYTES / 4;
  const int64_t* bounds = shares.bounds_of(tensor.trained, tensor.slice);
  auto* const room = reinterpret_cast<float*>(session->arena + mlac::SHARED_AT);
  if (out) read_to(session, {mlac::Storage::f32, reinterpret_cast<char*>(own), nullptr, bounds[1] * elements}, out);
  for (int from = 1; from < shares.size; ++from) {
    const int64_t begin = bounds[from] * elements, end = bounds[from + 1] * elements;
    for (int64_t at = begin; at < end; at += most) {
      const int64_t count = std::min(most, end - at);
      float* const place = shares.rank == 0 ? room : own + (at - begin);
      do_now(session, "collecting tensors", [&](mlac::Nccl& nccl) { nccl.to_first(from, place, count, mlac::Number::f32, tensor.name); });
      if (out) read_to(session, {mlac::Storage::f32, reinterpret_cast<char*>(room), nullptr, count}, out + at * 4);
    }
  }
}

/// The sums of a slice's gradients, where rank 0 has its own.
void send_gradients(mlac_session* session, const mlac::Tensor& tensor, float* gradients) {
  const mlac::Shares& shares = session->rank->shares;
  const mlac::Shared parts{reinterpret_cast<char*>(gradients), mlac::Number::f32, shares.bounds_of(tensor.trained, tensor.slice), mlac::TRAINED[tensor.trained].elements};
  for (int from = 1; from < shares.size; ++from)
    if (parts.count(from) > 0)
      do_now(session, "collecting tensors", [&](mlac::Nccl& nccl) { nccl.to_first(from, parts.part(from), parts.count(from), parts.number, tensor.name); });
}

void collect(mlac_session* session, const mlac::Tensor& tensor, char* out) {
  const Stored stored = here(session, tensor).stored;
  if (tensor.is_moment()) return send_state(session, tensor, reinterpret_cast<float*>(stored.at), out);
  if (tensor.role == mlac::Role::gradient) send_gradients(session, tensor, reinterpret_cast<float*>(stored.at));
  else if (tensor.storage == mlac::Storage::split)
    do_now(session, "collecting tensors", [&](mlac::Nccl&) {
      session->rank->gather_remainders(tensor.trained, tensor.slice);
      session->rank->wait();
    });
  if (out) read_to(session, stored, out);
}

}  // namespace

extern "C" {

int32_t mlac_ranks_id(uint8_t id[128]) {
  try {
    const mlac::NcclLibrary& nccl = mlac::NcclLibrary::get();
    mlac::NcclId made{};
    nccl.check(nccl.get_unique_id(&made), "making an id");
    std::memcpy(id, made.bytes, sizeof made.bytes);
    return 0;
  } catch (const std::exception& failure) {
    open_error = failure.what();
    return 1;
  }
}

mlac_session* mlac_open_rank(int32_t threads, const mlac_place* place) {
  try {
    check_place(*place);
    mlac::NcclId id{};
    std::memcpy(id.bytes, place->id, sizeof id.bytes);
    std::vector<int64_t> bounds(place->bounds, place->bounds + place->bounds_count);
    return open_session(threads, mlac::Shares(sizeof(float), place->rank, place->size, std::move(bounds)),
                        [=](cudaStream_t stream) { return std::make_unique<mlac::Nccl>(place->rank, place->size, id, place->timeout_seconds, stream); });
  } catch (const std::exception& failure) {
    open_error = failure.what();
    return nullptr;
  }
}

int32_t mlac_sum(mlac_session* session, double* values, int64_t count) {
  return call(session, [=] {
    auto* const room = reinterpret_cast<double*>(session->arena + mlac::SHARED_AT);
    if (count * 8 > mlac::SHARED_BYTES) throw Failure("there is no room to add up " + std::to_string(count) + " numbers");
    cuda(cudaMemcpyAsync(room, values, count * 8, cudaMemcpyHostToDevice, session->stream), "adding up");
    do_now(session, "adding up", [=](mlac::Nccl& nccl) { nccl.sum(room, count, mlac::Number::f64, "a sum for the caller"); });
    cuda(cudaMemcpy(values, room, count * 8, cudaMemcpyDeviceToHost), "adding up");
  });
}

int32_t mlac_collect(mlac_session* session, const char* name, void* out, int64_t bytes) {
  return call(session, [=] {
    if (!out != (session->rank->shares.rank > 0)) throw Failure("rank 0, and no other, takes a collected tensor");
    session->part = "collecting tensors";
    collect(session, find(name, bytes), static_cast<char*>(out));
  });
}

int32_t mlac_traffic(mlac_session* session, double report[4]) {
  return call(session, [=] {
    const mlac::Sent sent = together(session).sent();
    report[0] = sent.all - session->told.all;
    report[1] = sent.gradients - session->told.gradients;
    report[2] = std::exchange(session->micro_step_waited, 0);
    report[3] = std::exchange(session->update_waited, 0);
    session->told = sent;
  });
}

int32_t mlac_where(mlac_session* session, char* text, int64_t bytes) {
  const std::string where = (session->nccl ? session->nccl->where() : "none\t0\tnothing") + "\t" + session->part.load();
  if (bytes < 1) return 1;
  const size_t count = std::min(where.size(), size_t(bytes) - 1);
  std::memcpy(text, where.data(), count);
  text[count] = 0;
  return 0;
}

int32_t mlac_abort(mlac_session* session) {
  if (session->nccl) session->nccl->abort();
  return 0;
}

}  // extern "C"
