// A write-only stream buffer that hands the body to a function as it comes. The library's own body
// buffer is unbounded and its readers cost sixty times more. Only transport_cpprest.cc includes
// this file.
#pragma once

#include <cpprest/astreambuf.h>

#include <functional>
#include <string_view>
#include <utility>

namespace pgrightsizer::kube::detail {

// Called on the pool thread only. Never closes early and never blocks.
class Sink final : public Concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  using OnPiece = std::function<void(std::string_view)>;

  explicit Sink(OnPiece on_piece)
      : streambuf_state_manager(std::ios_base::out), on_piece_(std::move(on_piece)) {}

 private:
  using Base = streambuf_state_manager<std::uint8_t>;

  static int_type eof() { return traits::eof(); }

  pplx::task<int_type> _putc(std::uint8_t byte) override {
    const char as_char = static_cast<char>(byte);
    on_piece_(std::string_view(&as_char, 1));
    return pplx::task_from_result<int_type>(byte);
  }
  using Base::_putn;
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override {
    on_piece_(std::string_view(reinterpret_cast<const char*>(bytes), count));
    return pplx::task_from_result(count);
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }  // sends the writer to _putn
  void _commit(std::size_t) override {}

  // Reading and seeking: there is nothing to read.
  pplx::task<int_type> _bumpc() override { return pplx::task_from_result(eof()); }
  int_type _sbumpc() override { return eof(); }
  pplx::task<int_type> _getc() override { return pplx::task_from_result(eof()); }
  int_type _sgetc() override { return eof(); }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result(eof()); }
  pplx::task<int_type> _ungetc() override { return pplx::task_from_result(eof()); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return pos_type(eof()); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(eof()); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return pos_type(eof());
  }
  bool acquire(std::uint8_t*& bytes, std::size_t& count) override {
    bytes = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t*, std::size_t) override {}

  OnPiece on_piece_;
};

}  // namespace pgrightsizer::kube::detail
