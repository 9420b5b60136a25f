// ReadAhead: a thread that reads a file a few blocks ahead of whoever takes its bytes, from where
// the descriptor stands to the end that it finds. Used by one thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace leadflow {

class ReadAhead {
 public:
  // `file` stays open for as long as this lives, and nobody else reads it.
  explicit ReadAhead(int file);
  ~ReadAhead();

  // Like read(2): up to `size` bytes, 0 at the end, -1 with `*error` an errno. Waits for the disk.
  // Behind the end the descriptor stands where the bytes ended.
  std::ptrdiff_t Read(char* to, std::size_t size, int* error);

 private:
  struct Block {
    std::vector<char> bytes;
    std::size_t size = 0;
  };
  void ThreadMain();

  const int file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> full_;
  std::vector<Block> free_;
  bool stop_ = false;
  bool ended_ = false;  // Nothing comes behind full_: the end, or error_.
  int error_ = 0;

  std::size_t taken_ = 0;  // Of full_.front().
  std::thread thread_;     // Last: it uses the rest.
};

}  // namespace leadflow
