// The C interface of ranks.h on processors. The ranks talk through MPI; what knows MPI is a library of its own beside this one,
// collectives.so (mpi.cpp), so that a model asks for MPI only where several processes train it.
#include "ranks.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "open_collectives.h"
#include "session.h"

namespace {

using mlac::call;

/// Where this library lies, asked when it is loaded: the name that it was loaded by may be gone later.
const std::string own_folder = [] {
  Dl_info info{};
  char* path = dladdr(reinterpret_cast<void*>(&mlac_open_rank), &info) ? realpath(info.dli_fname, nullptr) : nullptr;
  std::string folder = path ? path : "./";
  std::free(path);
  return folder.substr(0, folder.rfind('/') + 1);
}();

std::unique_ptr<mlac::Collectives> open_collectives(const mlac_place& place) {
  const std::string library = own_folder + "collectives.so";
  // Global: MPI loads parts of itself, which look for its names.
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!handle) throw std::runtime_error("the library that talks to MPI cannot be loaded: " + std::string(dlerror()));
  const auto open = reinterpret_cast<mlac::OpenCollectives>(dlsym(handle, mlac::OPENER));
  if (!open) throw std::runtime_error(library + " is of another build of mlac");
  std::string why;
  mlac::Collectives* const opened = open(place.rank, place.size, place.timeout_seconds, &why);
  if (!opened) throw std::runtime_error(why);
  return std::unique_ptr<mlac::Collectives>(opened);
}

void check_place(const mlac_place& place) {
  if (place.size < 1 || place.rank < 0 || place.rank >= place.size)
    throw std::runtime_error("there is no rank " + std::to_string(place.rank) + " among " + std::to_string(place.size));
  const int64_t count = mlac::Shares::bounds_count(place.size);
  if (place.bounds_count != count)
    throw std::runtime_error("the ranks' shares have " + std::to_string(place.bounds_count) + " boundaries; " + std::to_string(place.size) + " ranks of this model have " +
                             std::to_string(count));
}

mlac::Collectives& together(mlac_session* session) {
  if (!session->rank->together) throw std::runtime_error("the session was opened without other ranks");
  return *session->rank->together;
}

/// All ranks take part; rank 0 ends up with the whole tensor in `out`.
void collect(mlac_session* session, const mlac::Tensor& tensor, char* out) {
  const mlac::Shares& shares = session->rank->shares;
  const mlac::Run here = mlac::run_of(session, tensor);
  const int64_t each = tensor.role == mlac::Role::load ? 4 : sizeof(mlac::real);
  if (!tensor.is_moment() && tensor.role != mlac::Role::gradient) {  // everybody has it
    if (out) std::memcpy(out, here.at, tensor.bytes);
    return;
  }
  const mlac::Shared parts{nullptr, sizeof(mlac::real) == 8 ? mlac::Number::f64 : mlac::Number::f32, shares.bounds_of(tensor.trained, tensor.slice),
                           mlac::TRAINED[tensor.trained].elements};
  char* const own = tensor.is_moment() ? here.at : here.at + parts.begin(shares.rank) * each;
  if (out) std::memcpy(out + parts.begin(0) * each, own, parts.count(0) * each);
  for (int from = 1; from < shares.size; ++from)
    together(session).to_first(from, out ? out + parts.begin(from) * each : own, parts.count(from), parts.number, tensor.name);
}

}  // namespace

extern "C" {

int32_t mlac_ranks_id(uint8_t id[128]) {
  std::memset(id, 0, 128);
  return 0;
}

mlac_session* mlac_open_rank(int32_t threads, const mlac_place* place) {
  try {
    check_place(*place);
    std::vector<int64_t> bounds(place->bounds, place->bounds + place->bounds_count);
    auto collectives = open_collectives(*place);
    return mlac::open_session(threads, mlac::Shares(sizeof(mlac::real), place->rank, place->size, std::move(bounds)), std::move(collectives));
  } catch (const std::exception& failure) {
    mlac::open_error = failure.what();
    return nullptr;
  }
}

int32_t mlac_sum(mlac_session* session, double* values, int64_t count) {
  return call(session, [=] { together(session).sum(values, count, mlac::Number::f64, "a sum for the caller"); });
}

int32_t mlac_collect(mlac_session* session, const char* name, void* out, int64_t bytes) {
  return call(session, [=] {
    if (!out != (session->rank->shares.rank > 0)) throw std::runtime_error("rank 0, and no other, takes a collected tensor");
    session->part = "collecting tensors";
    collect(session, mlac::tensor_of(name, bytes), static_cast<char*>(out));
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
  const std::string where = (session->rank->together ? session->rank->together->where() : "none\t0\tnothing") + "\t" + session->part.load();
  if (bytes < 1) return 1;
  const size_t count = std::min(where.size(), size_t(bytes) - 1);
  std::memcpy(text, where.data(), count);
  text[count] = 0;
  return 0;
}

int32_t mlac_abort(mlac_session* session) {
  if (session->rank->together) session->rank->together->abort();
  return 0;
}

}  // extern "C"
