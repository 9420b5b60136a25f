#include "connectors/file/read_ahead.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace leadflow {
namespace {

constexpr std::size_t kBlocks = 3;
constexpr std::size_t kBlockBytes = 256 * 1024;

}  // namespace

ReadAhead::ReadAhead(int file) : file_(file), free_(kBlocks) {
  for (Block& block : free_) block.bytes.resize(kBlockBytes);
  thread_ = std::thread([this] { ThreadMain(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReadAhead::ThreadMain() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait(lock, [this] { return stop_ || !free_.empty(); });
    if (stop_) return;
    Block block = std::move(free_.back());
    free_.pop_back();
    lock.unlock();
    ssize_t got = -1;
    do {
      got = ::read(file_, block.bytes.data(), block.bytes.size());
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    lock.lock();
    if (got > 0) {
      block.size = static_cast<std::size_t>(got);
      full_.push_back(std::move(block));
    } else {
      ended_ = true;
      error_ = got < 0 ? error : 0;
    }
    changed_.notify_all();
  }
}

std::ptrdiff_t ReadAhead::Read(char* to, std::size_t size, int* error) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || !full_.empty(); });
  if (full_.empty()) {
    *error = error_;
    return error_ == 0 ? 0 : -1;
  }
  Block& block = full_.front();
  lock.unlock();  // A deque leaves its elements where they are.
  const std::size_t part = std::min(size, block.size - taken_);
  std::memcpy(to, block.bytes.data() + taken_, part);
  taken_ += part;
  if (taken_ < block.size) return static_cast<std::ptrdiff_t>(part);
  taken_ = 0;
  lock.lock();
  free_.push_back(std::move(full_.front()));
  full_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return static_cast<std::ptrdiff_t>(part);
}

}  // namespace leadflow
