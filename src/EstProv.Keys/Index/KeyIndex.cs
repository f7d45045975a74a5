using EstProv.Platform;

namespace EstProv.Keys.Index;

/// <summary>The records on disk: one file for each key id, written atomically.</summary>
internal sealed class KeyIndex(string folder)
{
    private const string Suffix = ".json";

    /// <summary>Every record that can be read; of the others, the file and what is wrong with it.</summary>
    public (List<KeyRecord> Records, List<ProblemException> Problems) Load()
    {
        var records = new List<KeyRecord>();
        var problems = new List<ProblemException>();
        if (!Directory.Exists(folder)) return (records, problems);
        foreach (var path in Directory.EnumerateFiles(folder, "*" + Suffix))
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
                problems.Add(problem);
            }
            catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
            {
                problems.Add(new ProblemException("index_damaged", $"{path} cannot be read", "give it to the Key Service's user", 500, cause));
            }
        }

        return (records, problems);
    }

    /// <summary>Refuses the use of a key id whose file is there but could not be read: it must not be overwritten.</summary>
    /// <exception cref="ProblemException"><c>index_damaged</c>.</exception>
    public void CheckAbsent(string keyId)
    {
        var path = PathOf(keyId);
        if (!File.Exists(path)) return;
        throw new ProblemException("index_damaged", $"the record {path} of key '{keyId}' could not be read at start",
            "restore it from a backup, or remove it, which forgets the key pair; then restart the Key Service", 500);
    }

    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_*</c>: the old record stands.</exception>
    public void Save(KeyRecord record)
    {
        if (record.IsEmpty) AtomicFile.Delete(PathOf(record.KeyId));
        else AtomicFile.Write(PathOf(record.KeyId), KeyRecordFormat.Write(record));
    }

    private string PathOf(string keyId) => Path.Combine(folder, KeyFileName.Of(keyId) + Suffix);
}
