// SPDX-License-Identifier: Apache-2.0
#include "proxy/source.h"

#include <algorithm>

namespace weir::proxy {

Pull Generated::pull(OutQueue& out, std::size_t room) {
  std::size_t n = std::min(room, rest_.size());
  if (n > 0 && out.slots_free() > 0) {
    out.push(Slice(rest_.substr(0, n)));
    rest_.remove_prefix(n);
  }
  return rest_.empty() ? Pull::end : Pull::more;
}

} // namespace weir::proxy
