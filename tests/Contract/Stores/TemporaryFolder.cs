namespace EstProv.Contract.Tests.Stores;

/// <summary>A folder of one test, removed with all that is in it.</summary>
/// <param name="inMemory">Where thousands of writes need not wait for a disk.</param>
internal sealed class TemporaryFolder(bool inMemory = false) : IDisposable
{
    public string Path { get; } = inMemory
        ? Directory.CreateDirectory($"/dev/shm/estprov-test-{Guid.NewGuid():N}").FullName
        : Directory.CreateTempSubdirectory("estprov-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
