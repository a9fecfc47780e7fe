//! One key with its value: a single allocation behind a pointer-sized handle.
//!
//! Bytes per small key are what a user pays for, and every further allocation is a cache miss, so everything stands in
//! one run of bytes:
//!
//! ```text
//! offset 0     4       5        6          7
//! +------+------+-------+---------+------------+----------------------+------------+-----+-------------------+
//! | kind | used | epoch | key len | value len  | longer lengths       | deadline   | key | bytes of a string |
//! | etc. | 24b  |       |         |            | 0, 2 or 8 bytes each | 0 or 8     |     | etc., or Object   |
//! +------+------+-------+---------+------------+----------------------+------------+-----+-------------------+
//! ```
//!
//! A length below 254 is the byte itself; 254 says that two bytes hold it, 255 that eight do. The deadline is there
//! only if a flag says so. A string's bytes stand behind the key, whatever their number, and so do those of a *packed*
//! collection: one that is a listpack or an intset of up to 253 bytes. Any other value is an [`Object`], which stands at the
//! next place that is aligned for it. A key of 16 bytes with an 8-digit number takes 31 bytes, so that it fits the
//! allocator's size class of 32; with a set of ten numbers it takes 64, and with a large collection 48.
//!
//! A packed collection is not changed as it is. Whoever writes to it has the entry *opened*, which makes an object of it
//! that can grow, and the entry is *closed* when it is known what has become of it. To do that costs some 100 ns; in
//! return, a collection of ten elements takes 30 to 60 bytes less, and whoever reads it waits for one cache miss less.
//!
//! The allocation is always exactly as large as its contents. Growing a string leaves it to the allocator whether that
//! can be done in place; between its size classes, which grow by a fifth or a quarter, it can.
//!
//! Readers share an entry and still mark it as used: the first word, with the access bits, and the epoch byte are
//! atomic, and nothing ever makes a plain reference to them. All else changes under `&mut` only.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use super::AccessClock;
use crate::rdb::ValueRef;
use crate::rdb::file::{Record, Usage};
use crate::relocate::Relocator;
use crate::table::{NO_DEADLINE, TableEntry};
use crate::value::{Kind, Object, ObjectRef, Packed, Packing, Str, StrEncoding, size_class};

/// The first word: the low byte says what the entry is, the other 24 bits when it was used.
const WORD: usize = 0;
const EPOCH: usize = 4;
const KEY_LEN: usize = 5;
const VALUE_LEN: usize = 6;
/// What follows has no fixed place.
const FIXED: usize = 7;

/// The word is an aligned `u32`; eight is what every allocator gives anyway.
const ALIGN: usize = 8;

/// In the first byte: three bits of kind, two of form, one for the deadline, one for what ends within.
const KIND_MASK: u8 = 0b0000_0111;
const FORM_MASK: u8 = 0b0001_1000;
const HAS_DEADLINE: u8 = 0b0010_0000;
const VOLATILE: u8 = 0b0100_0000;

/// The form of a string is its encoding. Of anything else, it is whether the value is packed, and how.
const FORM_SHIFT: u8 = 3;
const OPEN: u8 = 0;
const LISTPACK: u8 = 1 << FORM_SHIFT;
const INTSET: u8 = 2 << FORM_SHIFT;

/// A length byte that says "see the two bytes further on", and one that says "the eight bytes".
const TWO_BYTES: u8 = 254;
const EIGHT_BYTES: u8 = 255;

const OBJECT_LEN: usize = size_of::<Object>();

const _: () = assert!(align_of::<Object>() <= ALIGN, "an object stands in the allocation of its entry");

/// One key with its value, deadline, access bits and epoch; see the description of the module.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its allocation with the object in it like a `Box`; what is changed through `&` is atomic.
unsafe impl Send for Entry where Object: Send {}
// SAFETY: as above.
unsafe impl Sync for Entry where Object: Sync {}

/// Where everything stands in an entry: follows from its kind, its lengths and whether it has a deadline.
#[derive(Clone, Copy)]
struct Shape {
    /// The low byte of the first word.
    flags: u8,
    key_len: usize,
    value_len: usize,
    /// Where the key begins.
    key_at: usize,
}

impl Shape {
    fn new(kind: Kind, form: u8, has_deadline: bool, key_len: usize, value_len: usize) -> Self {
        let deadline = if has_deadline { HAS_DEADLINE } else { 0 };
        Self::of(kind_bits(kind) | form | deadline, key_len, value_len)
    }

    fn string(encoding: StrEncoding, has_deadline: bool, key_len: usize, value_len: usize) -> Self {
        Self::new(Kind::Str, encoding_bits(encoding), has_deadline, key_len, value_len)
    }

    #[inline]
    const fn of(flags: u8, key_len: usize, value_len: usize) -> Self {
        let deadline = if flags & HAS_DEADLINE != 0 { size_of::<u64>() } else { 0 };
        let key_at = FIXED + width_of(key_len) + width_of(value_len) + deadline;
        Self { flags, key_len, value_len, key_at }
    }

    #[inline]
    const fn is_string(self) -> bool {
        self.flags & KIND_MASK == kind_bits(Kind::Str)
    }

    /// Whether an object stands in the entry.
    #[inline]
    const fn is_open(self) -> bool {
        !self.is_string() && self.flags & FORM_MASK == OPEN
    }

    #[inline]
    const fn has_deadline(self) -> bool {
        self.flags & HAS_DEADLINE != 0
    }

    /// Where the deadline stands, if there is one: right before the key.
    #[inline]
    const fn deadline_at(self) -> usize {
        self.key_at.wrapping_sub(size_of::<u64>())
    }

    #[inline]
    const fn value_at(self) -> usize {
        let behind_key = self.key_at.wrapping_add(self.key_len);
        if self.is_open() { behind_key.wrapping_add(ALIGN - 1) & !(ALIGN - 1) } else { behind_key }
    }

    /// Where the value ends. A length that nobody could allocate must not come out small.
    #[inline]
    const fn size(self) -> usize {
        self.value_at().saturating_add(self.value_len)
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.size(), ALIGN).expect("no value is as large as the address space")
    }
}

/// How many bytes a length takes besides its own.
#[inline]
const fn width_of(len: usize) -> usize {
    match len {
        0..254 => 0,
        254..=0xffff => 2,
        _ => 8,
    }
}

const fn kind_bits(kind: Kind) -> u8 {
    match kind {
        Kind::Str => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Hash => 3,
        Kind::ZSet => 4,
        Kind::Stream => 5,
        Kind::Custom => 6,
    }
}

const fn encoding_bits(encoding: StrEncoding) -> u8 {
    match encoding {
        StrEncoding::Int => 0,
        StrEncoding::Embstr => 1 << FORM_SHIFT,
        StrEncoding::Raw => 2 << FORM_SHIFT,
    }
}

/// Making entries and taking them apart.
impl Entry {
    /// A string under a key; `deadline` is [`NO_DEADLINE`] if it shall stay.
    pub fn string(key: &[u8], value: &[u8], encoding: StrEncoding, deadline: u64) -> Self {
        let shape = Shape::string(encoding, deadline != NO_DEADLINE, key.len(), value.len());
        let entry = Self::allocate(shape, key, deadline);
        // SAFETY: the shape has room for `value` there, and a new allocation overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr(), entry.byte(shape.value_at()), value.len()) };
        entry
    }

    /// Any other value under a key.
    pub fn of_object(key: &[u8], object: Object, deadline: u64) -> Self {
        match object.packed() {
            Some(packed) => Self::packed(key, object.kind(), &packed, deadline),
            None => Self::opened(key, object, deadline),
        }
    }

    /// A packed value under a key.
    fn packed(key: &[u8], kind: Kind, packed: &Packed<'_>, deadline: u64) -> Self {
        let form = match packed.packing {
            Packing::Listpack => LISTPACK,
            Packing::IntSet => INTSET,
        };
        let shape = Shape::new(kind, form, deadline != NO_DEADLINE, key.len(), packed.len());
        let entry = Self::allocate(shape, key, deadline);
        let start = entry.byte(shape.value_at());
        // SAFETY: the shape has room for the byte and the bytes there, and a new allocation overlaps nothing.
        unsafe {
            start.write(packed.first);
            ptr::copy_nonoverlapping(packed.rest.as_ptr(), start.wrapping_add(1), packed.rest.len());
        }
        entry
    }

    /// A value under a key that stands there as an object, whatever its size, to be changed.
    pub fn opened(key: &[u8], object: Object, deadline: u64) -> Self {
        let kind = object.kind();
        debug_assert!(kind != Kind::Str, "a string is no object");
        let shape = Shape::new(kind, OPEN, deadline != NO_DEADLINE, key.len(), OBJECT_LEN);
        let entry = Self::allocate(shape, key, deadline);
        // SAFETY: the shape has room for an object there, aligned, and nobody else knows the entry yet.
        unsafe { entry.byte(shape.value_at()).cast::<Object>().write(object) };
        entry
    }

    /// The same value, deadline, access bits and epoch under another key.
    pub fn rename(self, new_key: &[u8]) -> Self {
        let shape = self.shape();
        let new_shape = Shape::of(shape.flags, new_key.len(), shape.value_len);
        let renamed = Self::allocate(new_shape, new_key, self.expires_at());
        renamed.set_access(self.access());
        renamed.set_epoch(self.epoch());
        // SAFETY: both values have the same length, and the allocations are different. If it is an object, it has moved
        // to the new entry: the old one is freed without a look at it.
        unsafe {
            ptr::copy_nonoverlapping(self.byte(shape.value_at()), renamed.byte(new_shape.value_at()), shape.value_len);
            std::mem::ManuallyDrop::new(self).free(shape);
        }
        renamed
    }

    /// A copy of the value, with the same deadline, under another key; not used yet.
    pub fn copy(&self, new_key: &[u8]) -> Self {
        match self.object() {
            Some(object) => Self::of_object(new_key, object.clone(), self.expires_at()),
            None => Self::string(new_key, self.string_bytes(), self.encoding(), self.expires_at()),
        }
    }

    /// The object, if it is not a string; what is left of the entry is freed.
    pub fn into_object(self) -> Option<Object> {
        let shape = self.shape();
        let Some(pointer) = self.object_pointer(shape) else {
            return self.object().map(|object| object.clone());
        };
        // SAFETY: the object moves out, and the entry that owned it is freed without a look at it.
        unsafe {
            let object = pointer.read();
            std::mem::ManuallyDrop::new(self).free(shape);
            Some(object)
        }
    }

    /// An allocation with everything but the value, whose bytes the caller must write before anyone sees the entry.
    fn allocate(shape: Shape, key: &[u8], deadline: u64) -> Self {
        let layout = shape.layout();
        // SAFETY: the size is at least FIXED.
        let start = unsafe { alloc(layout) };
        let entry = Self(NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout)));
        entry.write_header(shape, 0, 0);
        if shape.has_deadline() {
            entry.write_u64(shape.deadline_at(), deadline);
        }
        debug_assert_eq!(key.len(), shape.key_len);
        // SAFETY: the shape has room for `key` there, and a new allocation overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(key.as_ptr(), entry.byte(shape.key_at), key.len()) };
        entry
    }

    /// Frees the allocation, not the object.
    ///
    /// # Safety
    ///
    /// `shape` is the entry's, and the entry is not used again, not even dropped.
    unsafe fn free(&self, shape: Shape) {
        // SAFETY: it was allocated with the layout that follows from its shape, and is not used again.
        unsafe { dealloc(self.0.as_ptr(), shape.layout()) };
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shape = self.shape();
        if let Some(object) = self.object_pointer(shape) {
            // SAFETY: the entry owns the object, and nobody uses it again.
            unsafe { ptr::drop_in_place(object) };
        }
        // SAFETY: nobody uses an entry that has been dropped.
        unsafe { self.free(shape) };
    }
}

/// What an entry is.
impl Entry {
    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: the shape's key is inside the allocation, written, and changes under `&mut` only.
        unsafe { std::slice::from_raw_parts(self.byte(shape.key_at), shape.key_len) }
    }

    /// The kind of value.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.flags() & KIND_MASK {
            0 => Kind::Str,
            1 => Kind::List,
            2 => Kind::Set,
            3 => Kind::Hash,
            4 => Kind::ZSet,
            5 => Kind::Stream,
            _ => Kind::Custom,
        }
    }

    /// The name of the value's type, which TYPE replies.
    pub fn type_name(&self) -> &'static str {
        self.open_object().map_or(self.kind().name(), Object::type_name)
    }

    /// A string's encoding; of no meaning for an object, which knows its own.
    #[inline]
    pub fn encoding(&self) -> StrEncoding {
        match (self.flags() & FORM_MASK) >> FORM_SHIFT {
            0 => StrEncoding::Int,
            1 => StrEncoding::Embstr,
            _ => StrEncoding::Raw,
        }
    }

    /// When the key itself ends; [`NO_DEADLINE`] if never.
    #[inline]
    pub fn expires_at(&self) -> u64 {
        if self.flags() & HAS_DEADLINE == 0 {
            return NO_DEADLINE;
        }
        self.read_u64(self.shape().deadline_at())
    }

    /// Sets when the key ends; [`NO_DEADLINE`] takes the deadline away. The table must be told of an earlier one.
    pub fn set_deadline(&mut self, deadline: u64) {
        let shape = self.shape();
        let wanted = if deadline == NO_DEADLINE { 0 } else { HAS_DEADLINE };
        let new_shape = Shape::of(shape.flags & !HAS_DEADLINE | wanted, shape.key_len, shape.value_len);
        if new_shape.flags != shape.flags {
            self.reshape(new_shape);
        }
        if new_shape.has_deadline() {
            self.write_u64(new_shape.deadline_at(), deadline);
        }
    }

    /// Whether the entry is marked as one whose value has members that end by themselves.
    #[inline]
    pub fn is_volatile(&self) -> bool {
        self.flags() & VOLATILE != 0
    }

    /// Marks the entry as one whose value has members that end by themselves, or takes the mark away.
    pub fn set_volatile(&mut self, volatile: bool) {
        let flags = self.flags() & !VOLATILE | if volatile { VOLATILE } else { 0 };
        self.word().store(self.access() << 8 | u32::from(flags), Relaxed);
    }

    /// The 24 bits that tell when or how often the key was used.
    #[inline]
    pub fn access(&self) -> u32 {
        self.word().load(Relaxed) >> 8
    }

    /// Sets the access bits, of which there are 24.
    #[inline]
    pub fn set_access(&self, access: u32) {
        // Load and store, not one atomic change: the low byte only ever changes under `&mut`.
        let word = self.word();
        word.store(access << 8 | word.load(Relaxed) & 0xff, Relaxed);
    }

    /// The mark by which a snapshot tells what it has reached.
    #[inline]
    pub fn epoch(&self) -> u8 {
        self.epoch_byte().load(Relaxed)
    }

    /// Sets the epoch.
    #[inline]
    pub fn set_epoch(&self, epoch: u8) {
        self.epoch_byte().store(epoch, Relaxed);
    }

    /// Bytes that the allocator sets aside for the entry, without what an object holds elsewhere.
    pub fn memory(&self) -> usize {
        size_class(self.shape().size())
    }
}

/// The value.
impl Entry {
    /// A string's bytes; nothing, if the value is not a string.
    #[inline]
    pub fn string_bytes(&self) -> &[u8] {
        let shape = self.shape();
        if !shape.is_string() {
            return &[];
        }
        // SAFETY: a string's bytes are inside the allocation, written, and change under `&mut` only.
        unsafe { std::slice::from_raw_parts(self.byte(shape.value_at()), shape.value_len) }
    }

    /// The value, if it is a string.
    #[inline]
    pub fn text(&self) -> Option<&Str> {
        (self.kind() == Kind::Str).then(|| Str::new(self.string_bytes()))
    }

    /// A string's bytes to be changed; nothing, if the value is not a string.
    #[inline]
    pub fn string_bytes_mut(&mut self) -> &mut [u8] {
        let shape = self.shape();
        if !shape.is_string() {
            return &mut [];
        }
        // SAFETY: a string's bytes are inside the allocation, written, and `&mut self` is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(self.byte(shape.value_at()), shape.value_len) }
    }

    /// Makes the value this string, whatever it was before.
    pub fn set_string(&mut self, value: &[u8], encoding: StrEncoding) {
        let old = self.shape();
        let new = Shape::string(encoding, old.has_deadline(), old.key_len, value.len());
        if old.is_string() && old.key_at == new.key_at && size_class(old.size()) == size_class(new.size()) {
            if old.size() != new.size() {
                self.reallocate(old, new);
            }
            self.write_header(new, self.access(), self.epoch());
            // SAFETY: the allocation is as `new` says now, and `value` is not in it: `&mut self` excludes that.
            unsafe { ptr::copy_nonoverlapping(value.as_ptr(), self.byte(new.value_at()), value.len()) };
        } else {
            self.replace(Self::string(self.key(), value, encoding, self.expires_at()));
        }
    }

    /// Gives a string another length: it is cut off, or zeros are added. What was no string becomes a string of zeros.
    /// The encoding becomes `raw`, as that of every string that is changed in place.
    pub fn resize_string(&mut self, len: usize) {
        if self.kind() != Kind::Str {
            self.set_string(&[], StrEncoding::Raw);
        }
        let shape = self.shape();
        self.reshape(Shape::string(StrEncoding::Raw, shape.has_deadline(), shape.key_len, len));
    }

    /// The value, if it is not a string.
    #[inline]
    pub fn object(&self) -> Option<ObjectRef<'_>> {
        let shape = self.shape();
        if shape.is_open() {
            return self.open_object().map(ObjectRef::from);
        }
        if shape.is_string() {
            return None;
        }
        let packing = if shape.flags & FORM_MASK == LISTPACK { Packing::Listpack } else { Packing::IntSet };
        // SAFETY: the bytes are inside the allocation, written by `packed`, and change under `&mut` only.
        Some(unsafe {
            let bytes = std::slice::from_raw_parts(self.byte(shape.value_at()), shape.value_len);
            ObjectRef::of_packed(self.kind(), packing, bytes)
        })
    }

    /// The object, if one stands in the entry.
    #[inline]
    pub(crate) fn open_object(&self) -> Option<&Object> {
        // SAFETY: the entry owns the object, which changes under `&mut` only.
        self.object_pointer(self.shape()).map(|object| unsafe { &*object })
    }

    /// When the first member of the value ends by itself; [`NO_DEADLINE`] if none does.
    #[inline]
    pub fn next_member_deadline(&self) -> u64 {
        self.open_object().map_or(NO_DEADLINE, Object::next_deadline)
    }

    /// The value of whatever kind, to be written as bytes.
    pub fn value(&self) -> ValueRef<'_> {
        match self.object() {
            Some(object) => ValueRef::Object(object),
            None => ValueRef::Str(Str::new(self.string_bytes())),
        }
    }

    /// All of it as it is written to a file. `usage` is which memory of its use is kept, if any.
    pub fn record(&self, usage: Option<&AccessClock>) -> Record<'_> {
        let usage = usage.map(|clock| match clock.frequency {
            true => Usage::Frequency(clock.counter(self.access())),
            false => Usage::Idle(clock.idle_seconds(self.access())),
        });
        Record { key: self.key(), value: self.value(), expires_at: self.expires_at(), usage }
    }

    /// The object to be changed, if the value is not a string. The entry is open afterwards, until [`Entry::close`].
    ///
    /// It must stay of its kind.
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let shape = self.shape();
        if !shape.is_open() {
            self.open()?;
        }
        // SAFETY: the entry owns the object, and `&mut self` is the only way to it.
        self.object_pointer(self.shape()).map(|object| unsafe { &mut *object })
    }

    /// Makes an object of a packed value. Nothing, if it is a string.
    fn open(&mut self) -> Option<()> {
        let object = self.object()?.clone();
        self.replace(Self::opened(self.key(), object, self.expires_at()));
        Some(())
    }

    /// Packs the value, if it is small enough.
    pub fn close(&mut self) {
        let Some(object) = self.open_object() else { return };
        let Some(packed) = object.packed() else { return };
        let volatile = self.is_volatile();
        let mut closed = Self::packed(self.key(), object.kind(), &packed, self.expires_at());
        closed.set_volatile(volatile);
        self.replace(closed);
    }

    /// Puts another entry of the same key in the place of this one.
    fn replace(&mut self, fresh: Self) {
        fresh.set_access(self.access());
        fresh.set_epoch(self.epoch());
        *self = fresh;
    }
}

/// The bytes underneath.
impl Entry {
    /// The address of a byte of the allocation.
    #[inline]
    fn byte(&self, offset: usize) -> *mut u8 {
        self.0.as_ptr().wrapping_add(offset)
    }

    #[inline]
    fn word(&self) -> &AtomicU32 {
        // SAFETY: the word is aligned, as the allocation is, written from the beginning, and only reached as an atomic.
        unsafe { AtomicU32::from_ptr(self.byte(WORD).cast()) }
    }

    #[inline]
    fn epoch_byte(&self) -> &AtomicU8 {
        // SAFETY: the byte is written from the beginning, and only reached as an atomic.
        unsafe { AtomicU8::from_ptr(self.byte(EPOCH)) }
    }

    #[inline]
    fn flags(&self) -> u8 {
        self.word().load(Relaxed) as u8
    }

    #[inline]
    fn shape(&self) -> Shape {
        // SAFETY: every entry has these bytes, written, and they change under `&mut` only.
        let (key_byte, value_byte) = unsafe { (*self.byte(KEY_LEN), *self.byte(VALUE_LEN)) };
        let flags = self.flags();
        if key_byte < TWO_BYTES && value_byte < TWO_BYTES {
            // As `Shape::of`, without the lengths of lengths.
            let key_at = FIXED + usize::from(flags & HAS_DEADLINE) * size_of::<u64>() / usize::from(HAS_DEADLINE);
            return Shape { flags, key_len: usize::from(key_byte), value_len: usize::from(value_byte), key_at };
        }
        let key_len = self.read_len(key_byte, FIXED);
        let value_len = self.read_len(value_byte, FIXED + width_of(key_len));
        Shape::of(flags, key_len, value_len)
    }

    /// The length that a length byte, with what may stand at `offset`, says.
    fn read_len(&self, byte: u8, offset: usize) -> usize {
        match byte {
            TWO_BYTES => {
                let mut bytes = [0; 2];
                // SAFETY: the length byte says that two written bytes are there.
                unsafe { ptr::copy_nonoverlapping(self.byte(offset), bytes.as_mut_ptr(), 2) };
                usize::from(u16::from_ne_bytes(bytes))
            }
            EIGHT_BYTES => self.read_u64(offset) as usize,
            len => usize::from(len),
        }
    }

    fn write_len(&self, len: usize, byte_at: usize, offset: usize) {
        let byte = match width_of(len) {
            0 => len as u8,
            2 => {
                let bytes = (len as u16).to_ne_bytes();
                // SAFETY: the shape that is being written has two bytes there.
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.byte(offset), 2) };
                TWO_BYTES
            }
            _ => {
                self.write_u64(offset, len as u64);
                EIGHT_BYTES
            }
        };
        // SAFETY: every entry has these two bytes.
        unsafe { *self.byte(byte_at) = byte };
    }

    /// Reads eight bytes that the shape says are there: a length, or the deadline.
    #[inline]
    fn read_u64(&self, offset: usize) -> u64 {
        // SAFETY: they are inside the allocation and written; only this module's functions call, with a shape's
        // offsets.
        unsafe { self.byte(offset).cast::<u64>().read_unaligned() }
    }

    #[inline]
    fn write_u64(&self, offset: usize, value: u64) {
        // SAFETY: as for reading; and callers hold the entry alone.
        unsafe { self.byte(offset).cast::<u64>().write_unaligned(value) };
    }

    /// Writes everything up to the deadline. The caller holds the entry alone, and its allocation is as the shape says.
    fn write_header(&self, shape: Shape, access: u32, epoch: u8) {
        // SAFETY: the allocation begins with these, aligned; nobody else looks at them.
        unsafe {
            self.byte(WORD).cast::<u32>().write(access << 8 | u32::from(shape.flags));
            self.byte(EPOCH).write(epoch);
        }
        self.write_len(shape.key_len, KEY_LEN, FIXED);
        self.write_len(shape.value_len, VALUE_LEN, FIXED + width_of(shape.key_len));
    }

    /// Where the object is, if one stands in the entry.
    #[inline]
    fn object_pointer(&self, shape: Shape) -> Option<*mut Object> {
        shape.is_open().then(|| self.byte(shape.value_at()).cast())
    }

    /// Lays the entry out anew, for another length of the value or with or without a deadline.
    ///
    /// The value's bytes are kept as far as they go, zeros are added; the key's length stays. A new deadline is
    /// [`NO_DEADLINE`].
    fn reshape(&mut self, new: Shape) {
        let old = self.shape();
        debug_assert_eq!(old.key_len, new.key_len);
        if old.key_at == new.key_at && old.has_deadline() == new.has_deadline() {
            self.resize(old, new);
        } else {
            self.move_to(old, new);
        }
    }

    /// Changes the size where nothing but the end of the value moves.
    fn resize(&mut self, old: Shape, new: Shape) {
        if old.size() != new.size() {
            self.reallocate(old, new);
            self.zero(new.value_at() + old.value_len.min(new.value_len), new.size());
        }
        self.write_header(new, self.access(), self.epoch());
    }

    /// Moves the entry to another allocation, if that is wanted, which is the answer. An object that stands in it refers to
    /// what it referred to before.
    pub(crate) fn relocate(&mut self, relocator: &mut Relocator<'_>) -> bool {
        let wanted = relocator.wants(self.0.as_ptr());
        if wanted {
            let shape = self.shape();
            self.move_to(shape, shape);
        }
        wanted
    }

    /// Gives the allocation another size; the header must be written next.
    fn reallocate(&mut self, old: Shape, new: Shape) {
        let layout = new.layout();
        // SAFETY: it was allocated with the layout that follows from the old shape; the new size is not zero.
        let start = unsafe { realloc(self.0.as_ptr(), old.layout(), layout.size()) };
        self.0 = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
    }

    /// Moves everything to a new allocation.
    fn move_to(&mut self, old: Shape, new: Shape) {
        let moved = Self::allocate(new, self.key(), self.expires_at());
        moved.set_access(self.access());
        moved.set_epoch(self.epoch());
        let kept = old.value_len.min(new.value_len);
        // SAFETY: both shapes have as many bytes of value, the allocations are different, and the old one is freed,
        // without a look at the object that may have moved, and replaced.
        unsafe {
            ptr::copy_nonoverlapping(self.byte(old.value_at()), moved.byte(new.value_at()), kept);
            moved.zero(new.value_at() + kept, new.size());
            self.free(old);
            ptr::write(self, moved);
        }
    }

    /// Zeroes some bytes of the value. The caller holds the entry alone and has room there.
    fn zero(&self, from: usize, to: usize) {
        // SAFETY: the range is inside the allocation.
        unsafe { ptr::write_bytes(self.byte(from), 0, to - from) };
    }
}

impl TableEntry for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        self.key()
    }

    /// The key's deadline or, if it is earlier, that of a member of the value.
    #[inline]
    fn deadline(&self) -> u64 {
        self.expires_at().min(self.next_member_deadline())
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &String::from_utf8_lossy(self.key()))
            .field("kind", &self.kind())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
