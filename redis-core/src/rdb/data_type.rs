//! Data types that are not built in: how one is declared, and how its values are saved and loaded.
//!
//! A type is an ordinary Rust type with `#[data_type(name = "acme-bckt", version = 1)]` on its `impl DataType`. From then
//! on its values live under keys as any other: `db.get::<Bucket>(key)`, COPY, RENAME, DUMP, expiry. The linker collects the
//! declarations, as it does those of commands, so that a saved value finds its type again.
//!
//! Saved values have the form that Redis gives to those of its modules ([`Type::Module2`](super::Type::Module2)): an id of
//! 64 bits, which is the type's nine characters and the version of its encoding; then fields, each behind a tag that
//! says what it is; then a tag for the end. So a server that does not have the type can name it, and pass over the
//! value.

use std::any::type_name;
use std::fmt;
use std::hash::Hasher;
use std::sync::OnceLock;

use super::format::{module_encoding, module_id};
use super::{Error, Reader, Writer};
use crate::value::{Custom, CustomValue, Kind, Object, Value};

/// A type of value that is not built in.
///
/// ```
/// use redis_core::prelude::*;
///
/// /// A token bucket.
/// #[derive(Clone, Default)]
/// struct Bucket {
///     tokens: f64,
///     refilled_at: i64,
/// }
///
/// #[data_type(name = "acme-bckt", version = 1)]
/// impl DataType for Bucket {
///     fn save(&self, rdb: &mut RdbWriter) {
///         rdb.double(self.tokens);
///         rdb.signed(self.refilled_at);
///     }
///
///     fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
///         Ok(Self { tokens: rdb.double()?, refilled_at: rdb.signed()? })
///     }
/// }
/// ```
///
/// `Clone` is what COPY does. Commands run on several threads, so a type is `Send` and `Sync`.
pub trait DataType: Named + Clone + Send + Sync + 'static {
    /// Writes the value, field by field.
    fn save(&self, rdb: &mut RdbWriter<'_>);

    /// Reads a value that [`DataType::save`] has written, perhaps in an earlier version of the program: `version` is that
    /// of the declaration then, never a later one than now. Fields may come from a client (RESTORE), so they must not be
    /// believed: what cannot be is [`RdbError::Malformed`](Error::Malformed).
    ///
    /// # Errors
    /// If the fields are not those of a value.
    fn load(rdb: &mut RdbReader<'_, '_>, version: u16) -> Result<Self, Error>;

    /// How many bytes the value has allocated, for MEMORY USAGE; those of the type itself are counted anyway.
    fn memory(&self) -> usize {
        0
    }

    /// Whether nothing is left, so that the key goes when that is announced by `db.changed`.
    fn is_empty(&self) -> bool {
        false
    }

    /// About how many allocations there are to free. Where they are many, another thread does it.
    fn free_effort(&self) -> usize {
        1
    }

    /// Feeds a hash with what makes the value differ from others, for DEBUG DIGEST: by default all that it saves. A type
    /// whose equal values may be saved in different orders should do better.
    fn digest(&self, state: &mut dyn Hasher) {
        let mut writer = Writer::new(false);
        self.save(&mut RdbWriter(&mut writer));
        state.write(writer.as_bytes());
    }
}

/// What `#[data_type(name = "..", version = ..)]` adds to a type.
#[diagnostic::on_unimplemented(
    message = "the data type `{Self}` has no name",
    label = "it is saved under a name that it must say",
    note = "put `#[data_type(name = \"acme-type\", version = 1)]` on `impl DataType for {Self}`: nine characters"
)]
pub trait Named {
    /// Nine characters, which TYPE replies.
    const NAME: &'static str;
    /// The version of what is saved.
    const VERSION: u16;
}

/// Where a value of a [`DataType`] writes its fields.
pub struct RdbWriter<'w>(&'w mut Writer);

impl RdbWriter<'_> {
    /// Writes a signed integer.
    pub fn signed(&mut self, number: i64) {
        self.0.signed_field(number);
    }

    /// Writes an unsigned integer.
    pub fn unsigned(&mut self, number: u64) {
        self.0.unsigned_field(number);
    }

    /// Writes a floating point number of 32 bits.
    pub fn float(&mut self, number: f32) {
        self.0.float_field(number);
    }

    /// Writes a floating point number of 64 bits.
    pub fn double(&mut self, number: f64) {
        self.0.double_field(number);
    }

    /// Writes bytes.
    pub fn string(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.string_field(bytes.as_ref());
    }
}

/// Where a value of a [`DataType`] reads its fields, in the order in which they were written.
pub struct RdbReader<'r, 'a>(&'r mut Reader<'a>);

impl RdbReader<'_, '_> {
    /// Reads a signed integer.
    ///
    /// # Errors
    /// If the next field is something else.
    pub fn signed(&mut self) -> Result<i64, Error> {
        self.0.signed_field()
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// If the next field is something else.
    pub fn unsigned(&mut self) -> Result<u64, Error> {
        self.0.unsigned_field()
    }

    /// Reads a floating point number of 32 bits, which may be any: NaN and the infinities too.
    ///
    /// # Errors
    /// If the next field is something else.
    pub fn float(&mut self) -> Result<f32, Error> {
        self.0.float_field()
    }

    /// Reads a floating point number of 64 bits, which may be any: NaN and the infinities too.
    ///
    /// # Errors
    /// If the next field is something else.
    pub fn double(&mut self) -> Result<f64, Error> {
        self.0.double_field()
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// If the next field is something else.
    pub fn string(&mut self) -> Result<Vec<u8>, Error> {
        self.0.string_field().map(std::borrow::Cow::into_owned)
    }
}

impl<T: DataType> Value for T {
    const KIND: Kind = Kind::Custom;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::Custom(value) => value.downcast_ref(),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Custom(value) => value.downcast_mut(),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Custom(Custom::new(self))
    }
}

impl<T: DataType> CustomValue for T {
    fn type_name(&self) -> &'static str {
        T::NAME
    }

    fn is_empty(&self) -> bool {
        DataType::is_empty(self)
    }

    fn memory(&self) -> usize {
        size_of::<T>() + DataType::memory(self)
    }

    fn free_effort(&self) -> usize {
        DataType::free_effort(self)
    }

    fn digest(&self, state: &mut dyn Hasher) {
        DataType::digest(self, state);
    }

    fn boxed_clone(&self) -> Box<dyn CustomValue> {
        Box::new(self.clone())
    }
}

/// The declaration of a data type, as `#[data_type]` submits it to the linker's list.
pub struct DataTypeDef {
    /// Nine characters.
    pub name: &'static str,
    /// The version of what is saved.
    pub version: u16,
    /// The Rust type's path.
    rust_name: fn() -> &'static str,
    save: fn(&Custom, &mut RdbWriter<'_>),
    load: fn(&mut RdbReader<'_, '_>, u16) -> Result<Custom, Error>,
}

inventory::collect!(DataTypeDef);

impl DataTypeDef {
    /// The declaration of `T`.
    #[must_use]
    pub const fn of<T: DataType>() -> Self {
        DataTypeDef {
            name: T::NAME,
            version: T::VERSION,
            rust_name: type_name::<T>,
            save: |value, rdb| value.downcast_ref::<T>().expect("a value's type is that of its name").save(rdb),
            load: |rdb, version| T::load(rdb, version).map(Custom::new),
        }
    }

    fn id(&self) -> u64 {
        module_id(self.name, self.version).expect("the macro has checked the name")
    }
}

impl fmt::Debug for DataTypeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataTypeDef").field("name", &self.name).field("type", &(self.rust_name)()).finish()
    }
}

/// Two types of one name, which is a mistake in the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data types {1} and {2} are both named '{0}'")]
pub struct DuplicateType(&'static str, &'static str, &'static str);

/// The data types of this process, sorted by name.
///
/// # Errors
/// If two have the same name.
pub fn data_types() -> Result<&'static [&'static DataTypeDef], &'static DuplicateType> {
    static TYPES: OnceLock<Result<Vec<&'static DataTypeDef>, DuplicateType>> = OnceLock::new();
    let types = TYPES.get_or_init(|| sorted(inventory::iter::<DataTypeDef>.into_iter().collect()));
    types.as_deref()
}

fn sorted(mut types: Vec<&'static DataTypeDef>) -> Result<Vec<&'static DataTypeDef>, DuplicateType> {
    types.sort_by_key(|def| def.name);
    match types.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(DuplicateType(pair[0].name, (pair[0].rust_name)(), (pair[1].rust_name)())),
        None => Ok(types),
    }
}

/// The type that a test holds for.
fn find(test: impl Fn(&DataTypeDef) -> bool) -> Option<&'static DataTypeDef> {
    data_types().unwrap_or_default().iter().find(|def| test(def)).copied()
}

/// Writes a value: its type's id, its fields, and their end.
pub(super) fn save(writer: &mut Writer, value: &Custom) {
    let def = find(|def| def.name == value.type_name()).expect("who made the value has declared its type");
    writer.length(def.id());
    (def.save)(value, &mut RdbWriter(writer));
    writer.end_of_fields();
}

/// Reads a value, behind its type's id.
pub(super) fn load(reader: &mut Reader<'_>, id: u64) -> Result<Custom, Error> {
    let version = module_encoding(id);
    let same_name = |def: &DataTypeDef| module_id(def.name, version) == Some(id);
    let def = find(same_name).ok_or(Error::UnknownModule(id))?;
    if version > def.version {
        return Err(Error::Malformed("a later version of the data type has saved it"));
    }
    let value = (def.load)(&mut RdbReader(reader), version)?;
    reader.end_of_fields()?;
    if value.is_empty() { Err(Error::Empty) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Mark;

    impl Named for Mark {
        const NAME: &'static str = "core-mark";
        const VERSION: u16 = 0;
    }

    impl DataType for Mark {
        fn save(&self, rdb: &mut RdbWriter<'_>) {
            rdb.string("mark");
        }

        fn load(_: &mut RdbReader<'_, '_>, _: u16) -> Result<Self, Error> {
            Ok(Mark)
        }
    }

    #[test]
    fn a_name_is_for_one_type() {
        static DEF: DataTypeDef = DataTypeDef::of::<Mark>();
        assert_eq!(sorted(vec![&DEF]).map(|types| types.len()), Ok(1));
        let error = sorted(vec![&DEF, &DEF]).unwrap_err().to_string();
        assert!(error.ends_with("are both named 'core-mark'") && error.contains("::Mark and "), "{error}");
    }

    #[test]
    fn a_value_is_found_by_its_type_only() {
        let mut object = Mark.into_object();
        assert_eq!((object.type_name(), object.encoding(), object.len()), ("core-mark", "raw", 1));
        assert!(Mark::from_object(&object).is_some() && Mark::from_object_mut(&mut object).is_some());
        assert!(crate::value::List::from_object(&object).is_none());
        assert!(Mark::from_object(&crate::value::Set::new().into_object()).is_none());
        assert_eq!(object.clone().memory(), 0);
    }
}
