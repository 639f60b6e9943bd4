//! Impls that are written once: formatters, and what `derive` would bound by parameters.

/// Implements `Debug` or `Display` by an expression: `fmt!([T] Debug for X<T>, |this, f| …)`.
macro_rules! fmt {
    ($(#[$doc:meta])* [$($of:tt)*] $trait:ident for $type:ty, |$this:pat, $f:ident| $body:expr) => {
        impl<$($of)*> core::fmt::$trait for $type {
            $(#[$doc])*
            fn fmt(&self, $f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let $this = self;
                $body
            }
        }
    };
}

/// Implements `Error`, and the conversion from an `OperationError`, for an error that has the
/// variant `Operation`.
macro_rules! operation_error {
    ($type:ty) => {
        impl core::error::Error for $type {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                match self {
                    Self::Operation(error) => Some(error),
                    _ => None,
                }
            }
        }

        impl From<OperationError> for $type {
            fn from(error: OperationError) -> Self {
                Self::Operation(error)
            }
        }
    };
}

/// Makes a function `const`, but not in a model, whose atomics cannot be made so.
macro_rules! const_fn {
    ($(#[$doc:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(model))]
        $(#[$doc])*
        $vis const fn $($rest)*
        #[cfg(model)]
        $(#[$doc])*
        $vis fn $($rest)*
    };
}

/// Implements `Clone` and `Copy`.
macro_rules! copy {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)*> Clone for $type {
            #[inline(always)]
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($of)*> Copy for $type {}
    };
}

/// Implements `PartialEq` and `Eq` by one field.
macro_rules! eq {
    ([$($of:tt)*] $type:ty, $field:tt) => {
        impl<$($of)*> PartialEq for $type {
            #[inline(always)]
            fn eq(&self, other: &Self) -> bool {
                self.$field == other.$field
            }
        }
        impl<$($of)*> Eq for $type {}
    };
}

/// Implements what makes a number of a name, and serde's traits, by `to_raw` and `try_from`.
macro_rules! as_number {
    ([$($of:tt)*] $type:ty, $number:ty) => {
        impl<$($of)*> From<$type> for $number {
            fn from(name: $type) -> $number {
                name.to_raw()
            }
        }

        #[cfg(feature = "serde")]
        impl<$($of)*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.to_raw().serialize(serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de, $($of)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::try_from(<$number>::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}
