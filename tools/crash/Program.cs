using System.Globalization;
using EstProv.Crash.Sweeping;

namespace EstProv.Crash;

/// <summary>The command line of the sweep; <c>./build.sh crash</c> calls it.</summary>
internal static class Program
{
    private const string Usage = """
        usage: EstProv.Crash TOOLS STAGE FOLDER [--every N [--turn T]] [--scenario S] [--daemon D]
                            [--at N [--place P]] [--token-every N] [--workers N] [--unsynced]
          TOOLS            folder of the programs cut and clock.so
          STAGE            what ships, as ./build.sh install lays it out
          FOLDER           for the devices (a tmpfs makes it fast); findings are left there
          --every N        only every Nth point, beginning at the Tth
          --scenario S     first-issue, renewal, first-issue-local, renewal-local, modules, without-cloud
          --daemon D       keyd, certd, identityd
          --at N           the Nth call alone, on the daemon's own files (--place own) or on the token's (--place token)
          --token-every N  of the token's own calls every Nth (default 16)
          --workers N      devices at a time (default 3)
          --unsynced       every fsync is taken as never done: proves that the checks see what is lost; then each run has to find something
        """;

    private static int Main(string[] arguments)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        if (SweepOptions.Parse(arguments) is not { } options)
        {
            Console.Error.WriteLine(Usage);
            return 64;
        }

        try
        {
            return new Sweep(options).Run() ? 0 : 1;
        }
        catch (HarnessException problem)
        {
            Console.Error.WriteLine($"error: {problem.Message}\nhint: this is the harness's own trouble; see the logs in {options.Folder}");
            return 70;
        }
    }
}
