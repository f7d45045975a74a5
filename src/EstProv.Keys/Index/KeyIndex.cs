using EstProv.Platform;

namespace EstProv.Keys.Index;

/// <summary>The records on disk: one file for each key id, written atomically.</summary>
internal sealed class KeyIndex(string folder)
{
    private const string Suffix = ".json";

    private readonly HashSet<string> _unreadable = new(StringComparer.Ordinal);

    private bool _folderUnreadable;

    /// <summary>Every record that can be read; of the others, the file and what is wrong with it.</summary>
    public (List<KeyRecord> Records, List<ProblemException> Problems) Load()
    {
        var records = new List<KeyRecord>();
        var problems = new List<ProblemException>();
        foreach (var path in Files(problems))
        {
            try
            {
                var record = KeyRecordFormat.Read(File.ReadAllBytes(path), path);
                if (PathOf(record.KeyId) != path)
                {
                    throw new ProblemException("index_damaged", $"{path} is the record of key '{record.KeyId}', whose file has another name",
                        "give the file its own name back, or remove it", 500);
                }

                records.Add(record);
            }
            catch (ProblemException problem)
            {
                _unreadable.Add(path);
                problems.Add(problem);
            }
            catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
            {
                _unreadable.Add(path);
                problems.Add(new ProblemException("index_damaged", $"{path} cannot be read", "give it to the Key Service's user", 500, cause));
            }
        }

        return (records, problems);
    }

    private List<string> Files(List<ProblemException> problems)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder, "*" + Suffix)];
        }
        catch (DirectoryNotFoundException)
        {
            // The first start.
            return [];
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            _folderUnreadable = true;
            problems.Add(FolderDamaged(cause));
            return [];
        }
    }

    /// <summary>Refuses the use of a key id whose file is there but could not be read: it must not be overwritten.</summary>
    /// <exception cref="ProblemException"><c>index_damaged</c>.</exception>
    public void CheckAbsent(string keyId)
    {
        CheckReadable(keyId);
        var path = PathOf(keyId);
        if (File.Exists(path)) throw Damaged(path, keyId);
    }

    /// <summary>Refuses what would be said of a key id without knowing its record: that there is no key, or only the preloaded one.</summary>
    /// <exception cref="ProblemException"><c>index_damaged</c>.</exception>
    public void CheckReadable(string keyId)
    {
        if (_folderUnreadable) throw FolderDamaged(null);
        if (_unreadable.Count > 0 && PathOf(keyId) is var path && _unreadable.Contains(path)) throw Damaged(path, keyId);
    }

    private ProblemException FolderDamaged(Exception? cause) => new("index_damaged", $"the folder {folder} could not be read at start",
        "give it to the Key Service's user, then restart the Key Service", 500, cause);

    private static ProblemException Damaged(string path, string keyId) =>
        new ProblemException("index_damaged", $"the record {path} of key '{keyId}' could not be read at start",
            "restore it from a backup, or remove it, which forgets the key pair; then restart the Key Service", 500);

    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_*</c>: the old record stands.</exception>
    public void Save(KeyRecord record)
    {
        if (record.IsEmpty) AtomicFile.Delete(PathOf(record.KeyId));
        else AtomicFile.Write(PathOf(record.KeyId), KeyRecordFormat.Write(record));
    }

    private string PathOf(string keyId) => Path.Combine(folder, KeyFileName.Of(keyId) + Suffix);
}
