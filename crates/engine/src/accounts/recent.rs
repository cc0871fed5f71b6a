//! A bounded memory of what was asked lately.
//!
//! Two generations: what is asked for moves to the young one; when that is full it becomes the old one and the old one is forgotten.
//! So an entry that is used stays, no entry costs a place in a list, and there are never more than twice the capacity.

use std::hash::Hash;

use hashbrown::HashMap;
use parking_lot::Mutex;

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    generations: Mutex<Generations<K, V>>,
    capacity: usize,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    /// Holds at least the last `capacity` entries that were used, which is at least 1.
    pub(super) fn new(capacity: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { generations: Mutex::new(generations), capacity: capacity.max(1) }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let generations = &mut *self.generations.lock();
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let value = generations.old.remove(key)?;
        generations.insert(*key, value.clone(), self.capacity);
        Some(value)
    }

    pub(super) fn insert(&self, key: K, value: V) {
        self.generations.lock().insert(key, value, self.capacity);
    }
}

impl<K: Hash + Eq, V> Generations<K, V> {
    fn insert(&mut self, key: K, value: V, capacity: usize) {
        if self.young.len() >= capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let recent = Recent::new(10);
        recent.insert(0, 0);
        for key in 1..1_000 {
            recent.insert(key, key);
            assert_eq!(recent.get(&0), Some(0), "after {key}");
        }
        assert_eq!(recent.get(&999), Some(999));
        assert_eq!(recent.get(&500), None);
        let generations = recent.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= 20);
    }

    #[test]
    fn a_newer_value_replaces_an_older_one() {
        let recent = Recent::new(1);
        recent.insert(1, "one");
        recent.insert(2, "two");
        recent.insert(1, "uno");
        assert_eq!((recent.get(&1), recent.get(&2)), (Some("uno"), Some("two")));
        recent.insert(1, "eins");
        recent.insert(3, "three");
        assert_eq!(recent.get(&1), Some("eins"));
    }
}
