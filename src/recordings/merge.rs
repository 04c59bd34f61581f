//! Pure: several write into one recording. The room knows the recording; the store, the uploader and the maker of
//! thumbnails know the rest.

use crate::model::Recording;

/// Puts into the room's copy what others wrote into the stored one.
pub(super) fn keep_what_others_wrote(room: &mut Recording, stored: &Recording) {
    room.deleted_at = stored.deleted_at;
    room.repaired |= stored.repaired;
    if room.thumbnails.is_none() {
        room.thumbnails.clone_from(&stored.thumbnails);
    }
    for file in &mut room.files {
        if let Some(before) = stored.files.iter().find(|f| f.name == file.name) {
            file.uploads.clone_from(&before.uploads);
        }
    }
}

/// Whether a manifest says more than where copies are: then the copy of the manifest is no longer true.
pub(super) fn differs_beyond_uploads(before: &Recording, after: &Recording) -> bool {
    let bare = |recording: &Recording| {
        let mut bare = recording.clone();
        bare.files.iter_mut().for_each(|file| file.uploads.clear());
        bare
    };
    bare(before) != bare(after)
}
