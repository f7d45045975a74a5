using System.Runtime.InteropServices;
using EstProv.LocalApi.Tests.Support;
using EstProv.Messages;
using EstProv.Platform.Tests.Support;

namespace EstProv.Platform.Tests;

[NonParallelizable]
public sealed partial class AtomicFileTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("atomic-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_rename_can_be_repeated()
    {
        File.WriteAllText(At("from"), "new");
        File.WriteAllText(At("to"), "old");

        AtomicFile.Rename(At("from"), At("to"));
        AtomicFile.Rename(At("from"), At("to"));

        Assert.That(File.ReadAllText(At("to")), Is.EqualTo("new"));
    }

    [Test]
    public void What_lies_in_the_place_of_the_temporary_file_is_not_written_to()
    {
        File.WriteAllText(At("victim"), "precious");
        File.CreateSymbolicLink(At("state.tmp"), At("victim"));
        AtomicFile.Write(At("state"), "new"u8);
        Assert.That((File.ReadAllText(At("victim")), File.ReadAllText(At("state"))), Is.EqualTo(("precious", "new")));
        Assert.That(new FileInfo(At("state")).LinkTarget, Is.Null);

        File.WriteAllText(At("state.tmp"), "left behind by an interrupted write");
        File.SetUnixFileMode(At("state.tmp"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        AtomicFile.Write(At("state"), "newer"u8);
        Assert.That(File.ReadAllText(At("state")), Is.EqualTo("newer"));
        Assert.That(File.GetUnixFileMode(At("state")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.Exists(At("state.tmp")), Is.False);
    }

    [Test]
    public void What_is_nowhere_cannot_be_renamed() =>
        Assert.That(() => AtomicFile.Rename(At("from"), At("to")), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("file_write"));

    [Test]
    public void Without_a_descriptor_to_be_had_nothing_changes()
    {
        File.WriteAllText(At("from"), "new");
        File.WriteAllText(At("to"), "old");
        AtomicFile.Write(At("warm"), "loads what it needs"u8);

        var failed = WithoutDescriptors(() => AtomicFile.Rename(At("from"), At("to")));
        var failedToDelete = WithoutDescriptors(() => AtomicFile.Delete(At("to")));

        Message.Shown("too_many_files-write", (ProblemException)failed!, State);
        Assert.That(failedToDelete, Is.Not.Null);
        Assert.That(File.ReadAllText(At("to")), Is.EqualTo("old"));
        Assert.That(File.ReadAllText(At("from")), Is.EqualTo("new"));
    }

    [Test]
    public void A_missing_folder_is_told()
        => Message.Shown("file_no_folder", Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), "x"u8))!, State);

    [Test]
    public void A_file_in_the_place_of_the_folder_is_told()
    {
        File.WriteAllText(At("keyd"), "");
        Message.Shown("file_no_folder-file", Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), "x"u8))!, State);
    }

    [Test]
    public void A_folder_in_the_place_of_the_file_is_told()
    {
        Directory.CreateDirectory(At("keyd/index"));
        Message.Shown("file_write", Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), "x"u8))!, State);
    }

    [Test]
    public void A_folder_of_somebody_else_is_told()
    {
        Directory.CreateDirectory(At("keyd"));
        var problem = AsUid.Run(65_001, () => Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), "x"u8))!);
        Message.Shown("file_permission", problem, State);
    }

    [Test]
    public void A_full_file_system_and_one_that_is_read_only_are_told_and_keep_what_was_there()
    {
        OwnMounts.Run(_folder, makeReadOnly =>
        {
            Directory.CreateDirectory(At("keyd"));
            AtomicFile.Write(At("keyd/index"), "old"u8);
            Message.Shown("disk_full", Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), new byte[128 * 1024]))!, State);
            Assert.That(Directory.GetFiles(At("keyd")), Is.EqualTo(new[] { At("keyd/index") }), "no room is taken up by halves");

            makeReadOnly();
            Message.Shown("file_read_only", Assert.Throws<ProblemException>(() => AtomicFile.Write(At("keyd/index"), "new"u8))!, State);
            Assert.That(File.ReadAllText(At("keyd/index")), Is.EqualTo("old"));
        });
    }

    [Test]
    public void A_folder_is_made_for_its_owner_with_those_above_it()
    {
        AtomicFile.CreateFolder(At("data/estprov/keyd/"));
        AtomicFile.CreateFolder(At("data/estprov/keyd"));

        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.That(File.GetUnixFileMode(At("data/estprov/keyd")) & Others, Is.EqualTo(UnixFileMode.None));
        Assert.That(File.GetUnixFileMode(At("data/estprov")) & UnixFileMode.OtherExecute, Is.Not.EqualTo(UnixFileMode.None), "the other daemons' folders stand there, too");
    }

    [Test]
    public void A_folder_whose_name_cannot_be_made_durable_is_not_made()
    {
        AtomicFile.CreateFolder(At("warm"));

        Assert.That(WithoutDescriptors(() => AtomicFile.CreateFolder(At("state"))), Is.Not.Null);
        Assert.That(Directory.Exists(At("state")), Is.False);
    }

    private (string, string) State => (_folder, "/var/lib/estprov");

    private string At(string name) => Path.Combine(_folder, name);

    private static Exception? WithoutDescriptors(Action work)
    {
        Assert.That(GetLimit(OpenFiles, out var before), Is.Zero);
        Assert.That(SetLimit(OpenFiles, before with { Now = 0 }), Is.Zero);
        try
        {
            work();
            return null;
        }
        catch (Exception problem) when (problem is ProblemException or IOException)
        {
            return problem;
        }
        finally
        {
            _ = SetLimit(OpenFiles, before);
        }
    }

    private const int OpenFiles = 7; // RLIMIT_NOFILE

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(nuint Now, nuint Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);
}
