;; The one function of simd-network.js. simd-kernel.js writes its bytes; a test assembles this source and compares.
;;
;;   add(y, w, end, from, to): y[0 … end) += Σ value · w[offset + 0 …), over the entries { offset, value } in [from, to)
;;
;; All parameters are addresses in bytes. An entry is an i32 offset and a float32 value. y, w and end lie multiples of
;; 16 bytes apart, so that one step of y is a vector of four float32. Eight vectors of y at once keep their sums in
;; registers while all entries go by; then two, then one, for what is left.
(module
  (import "room" "memory" (memory 0))
  (func (export "add")
    (param $y i32) (param $w i32) (param $end i32) (param $from i32) (param $to i32)
    (local $entry i32) (local $at i32)
    (local $value v128)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (local $sum4 v128) (local $sum5 v128) (local $sum6 v128) (local $sum7 v128)

    ;; while 8 more fours of y are left
    (block $eight_done
      (loop $eight
        (br_if $eight_done (i32.gt_u (i32.add (local.get $y) (i32.const 128)) (local.get $end)))
        (local.set $sum0 (v128.load align=1 (local.get $y)))
        (local.set $sum1 (v128.load offset=16 align=1 (local.get $y)))
        (local.set $sum2 (v128.load offset=32 align=1 (local.get $y)))
        (local.set $sum3 (v128.load offset=48 align=1 (local.get $y)))
        (local.set $sum4 (v128.load offset=64 align=1 (local.get $y)))
        (local.set $sum5 (v128.load offset=80 align=1 (local.get $y)))
        (local.set $sum6 (v128.load offset=96 align=1 (local.get $y)))
        (local.set $sum7 (v128.load offset=112 align=1 (local.get $y)))
        (local.set $entry (local.get $from))
        (block $eight_entries_done
          (loop $eight_entries
            (br_if $eight_entries_done (i32.ge_u (local.get $entry) (local.get $to)))
            (local.set $at (i32.add (i32.load (local.get $entry)) (local.get $w)))
            (local.set $value (v128.load32_splat offset=4 (local.get $entry)))
            (local.set $sum0 (f32x4.add (local.get $sum0) (f32x4.mul (local.get $value) (v128.load align=1 (local.get $at)))))
            (local.set $sum1 (f32x4.add (local.get $sum1) (f32x4.mul (local.get $value) (v128.load offset=16 align=1 (local.get $at)))))
            (local.set $sum2 (f32x4.add (local.get $sum2) (f32x4.mul (local.get $value) (v128.load offset=32 align=1 (local.get $at)))))
            (local.set $sum3 (f32x4.add (local.get $sum3) (f32x4.mul (local.get $value) (v128.load offset=48 align=1 (local.get $at)))))
            (local.set $sum4 (f32x4.add (local.get $sum4) (f32x4.mul (local.get $value) (v128.load offset=64 align=1 (local.get $at)))))
            (local.set $sum5 (f32x4.add (local.get $sum5) (f32x4.mul (local.get $value) (v128.load offset=80 align=1 (local.get $at)))))
            (local.set $sum6 (f32x4.add (local.get $sum6) (f32x4.mul (local.get $value) (v128.load offset=96 align=1 (local.get $at)))))
            (local.set $sum7 (f32x4.add (local.get $sum7) (f32x4.mul (local.get $value) (v128.load offset=112 align=1 (local.get $at)))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 8)))
            (br $eight_entries)))
        (v128.store align=1 (local.get $y) (local.get $sum0))
        (v128.store offset=16 align=1 (local.get $y) (local.get $sum1))
        (v128.store offset=32 align=1 (local.get $y) (local.get $sum2))
        (v128.store offset=48 align=1 (local.get $y) (local.get $sum3))
        (v128.store offset=64 align=1 (local.get $y) (local.get $sum4))
        (v128.store offset=80 align=1 (local.get $y) (local.get $sum5))
        (v128.store offset=96 align=1 (local.get $y) (local.get $sum6))
        (v128.store offset=112 align=1 (local.get $y) (local.get $sum7))
        (local.set $y (i32.add (local.get $y) (i32.const 128)))
        (local.set $w (i32.add (local.get $w) (i32.const 128)))
        (br $eight)))

    ;; while 2 more fours of y are left
    (block $two_done
      (loop $two
        (br_if $two_done (i32.gt_u (i32.add (local.get $y) (i32.const 32)) (local.get $end)))
        (local.set $sum0 (v128.load align=1 (local.get $y)))
        (local.set $sum1 (v128.load offset=16 align=1 (local.get $y)))
        (local.set $entry (local.get $from))
        (block $two_entries_done
          (loop $two_entries
            (br_if $two_entries_done (i32.ge_u (local.get $entry) (local.get $to)))
            (local.set $at (i32.add (i32.load (local.get $entry)) (local.get $w)))
            (local.set $value (v128.load32_splat offset=4 (local.get $entry)))
            (local.set $sum0 (f32x4.add (local.get $sum0) (f32x4.mul (local.get $value) (v128.load align=1 (local.get $at)))))
            (local.set $sum1 (f32x4.add (local.get $sum1) (f32x4.mul (local.get $value) (v128.load offset=16 align=1 (local.get $at)))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 8)))
            (br $two_entries)))
        (v128.store align=1 (local.get $y) (local.get $sum0))
        (v128.store offset=16 align=1 (local.get $y) (local.get $sum1))
        (local.set $y (i32.add (local.get $y) (i32.const 32)))
        (local.set $w (i32.add (local.get $w) (i32.const 32)))
        (br $two)))

    ;; while 1 more four of y is left
    (block $one_done
      (loop $one
        (br_if $one_done (i32.gt_u (i32.add (local.get $y) (i32.const 16)) (local.get $end)))
        (local.set $sum0 (v128.load align=1 (local.get $y)))
        (local.set $entry (local.get $from))
        (block $one_entries_done
          (loop $one_entries
            (br_if $one_entries_done (i32.ge_u (local.get $entry) (local.get $to)))
            (local.set $at (i32.add (i32.load (local.get $entry)) (local.get $w)))
            (local.set $value (v128.load32_splat offset=4 (local.get $entry)))
            (local.set $sum0 (f32x4.add (local.get $sum0) (f32x4.mul (local.get $value) (v128.load align=1 (local.get $at)))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 8)))
            (br $one_entries)))
        (v128.store align=1 (local.get $y) (local.get $sum0))
        (local.set $y (i32.add (local.get $y) (i32.const 16)))
        (local.set $w (i32.add (local.get $w) (i32.const 16)))
        (br $one)))
  )
)
