// SPDX-License-Identifier: Apache-2.0
#include "proxy/splicer.h"

#include "metrics/metrics.h"

namespace weir::proxy {

bool Splicer::wants(net::Transport& from, const OutQueue& out) {
  if (!bulk_ || !out.takes_pipes() || from.plain() == nullptr) {
    return false;
  }
  if (!pipe_) {
    pipe_ = Pipe::make();
    bulk_ = static_cast<bool>(pipe_); // none now: asked again with the next full read
  }
  return bulk_;
}

net::IoResult Splicer::read(net::Transport& from, OutQueue& out, std::size_t room) {
  net::IoResult got = from.plain()->read(*pipe_, room);
  bulk_ = got.state == net::IoResult::ok && got.bytes >= kLittle;
  if (got.state == net::IoResult::ok) {
    out.push_piped(pipe_, got.bytes);
    metrics::count(metrics::Metric::tunnel_bytes_spliced, got.bytes);
  }
  return got;
}

void Splicer::clear() {
  pipe_ = nullptr;
  bulk_ = false;
}

} // namespace weir::proxy
