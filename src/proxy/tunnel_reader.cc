// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel_reader.h"

#include <algorithm>

#include "metrics/metrics.h"

namespace weir::proxy {

net::IoResult TunnelReader::read(net::Transport& from, OutQueue& out, std::size_t room) {
  if (may_splice(from, out)) {
    return splice(*from.plain(), out, room);
  }
  if (!chunk_ || chunk_->use_count() > 1) {
    chunk_ = bytes_ > Chunk::kLarge ? Chunk::large() : Chunk::small();
  }
  std::size_t most = std::min(room, chunk_->capacity());
  auto got = from.read(chunk_->data(), most);
  bulk_ = got.bytes == most;
  if (got.state == net::IoResult::ok) {
    bytes_ += got.bytes;
    out.push(Slice(std::string_view(chunk_->data(), got.bytes), chunk_));
  }
  return got;
}

bool TunnelReader::may_splice(net::Transport& from, const OutQueue& out) {
  if (!bulk_ || !out.takes_pipes() || from.plain() == nullptr) {
    return false;
  }
  if (!pipe_) {
    pipe_ = Pipe::make(); // none now: asked again with the next full chunk
  }
  return static_cast<bool>(pipe_);
}

net::IoResult TunnelReader::splice(net::PlainTransport& from, OutQueue& out, std::size_t room) {
  auto got = from.read(*pipe_, room);
  bulk_ = got.state == net::IoResult::ok && got.bytes >= kLittle;
  if (got.state == net::IoResult::ok) {
    out.push_piped(pipe_, got.bytes);
    metrics::count(metrics::Metric::tunnel_bytes_spliced, got.bytes);
  }
  return got;
}

void TunnelReader::clear() {
  chunk_ = nullptr;
  pipe_ = nullptr;
  bytes_ = 0;
  bulk_ = false;
}

} // namespace weir::proxy
