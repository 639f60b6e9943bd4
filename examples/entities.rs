//! Entities of a game: keys that are checked in place of references, and arrays beside the slab.
//!
//! ```text
//! cargo run --example entities
//! ```

use std::thread;

use slotarena::Slab;

slotarena::key_type!(
    /// What moves in the world.
    Entities => Entity
);

struct Body {
    position: f32,
    speed: f32,
    /// A key may outlive what it names. It is checked at each use.
    target: Option<Entity>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = Slab::<Body, Entities>::builder().capacity(10_000).build()?;

    // Threads spawn entities simultaneously.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let body = |n: u8| Body { position: f32::from(n), speed: 1.0, target: None };
                (0..100).for_each(|n| _ = world.insert(body(n)).expect("room"));
            });
        }
    });
    let prey = world.insert(Body { position: 50.0, speed: 0.0, target: None })?;
    let hunter = world.insert(Body { position: 0.0, speed: 2.0, target: Some(prey) })?;

    // A component in an array beside the slab, with the key in each entry.
    let mut health: Vec<Option<(Entity, u32)>> = vec![None; 10_001];
    for entity in world.pin().keys() {
        health[entity.index() as usize] = Some((entity, 100));
    }

    // A step changes all in place: it has the world for itself.
    for (_, body) in &mut world {
        body.position += body.speed;
    }
    let [hunting, hunted] = world.get_disjoint_mut([hunter, prey]).expect("both live");
    hunting.position = hunted.position;

    // The prey goes. The hunter's key of it is dead, also when its slot has another entity.
    assert!(world.remove(prey));
    let next = world.insert(Body { position: 0.0, speed: 0.0, target: None })?;
    let world_now = world.pin();
    let target = world_now[hunter].target.expect("a key");
    assert!(world_now.get(target).is_none());
    let entry = health[next.index() as usize].filter(|(entity, _)| *entity == next);
    assert!(entry.is_none(), "the health of the one before is not this one's");
    println!("{} entities; {target} is gone, {next} is there", world.len());
    Ok(())
}
