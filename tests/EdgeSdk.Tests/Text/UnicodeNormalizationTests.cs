using System.Buffers;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

public class UnicodeNormalizationTests
{
    private const NormalizationForm C = NormalizationForm.FormC, D = NormalizationForm.FormD, KC = NormalizationForm.FormKC, KD = NormalizationForm.FormKD;

    /// <summary>Unicode's NormalizationTest.txt: five columns, source, NFC, NFD, NFKC, NFKD; its header tells which forms of which columns are equal.</summary>
    [Fact]
    public void Unicodes_own_test_passes()
    {
        string[][] lines = [.. ReadTest().Where(l => l[0] is not ('#' or '@')).Select(l => l.TrimEnd(';').Split(';').Select(Text).ToArray())];

        Assert.True(lines.Length > 20_000);
        Assert.All(lines, c =>
        {
            AssertForms(c[..3], C, c[1]);
            AssertForms(c[3..], C, c[3]);
            AssertForms(c[..3], D, c[2]);
            AssertForms(c[3..], D, c[4]);
            AssertForms(c, KC, c[3]);
            AssertForms(c, KD, c[4]);
        });
    }

    /// <summary>Part 1 of the test lists every code point that a form changes.</summary>
    [Fact]
    public void A_code_point_that_the_test_does_not_list_stays_as_it_is()
    {
        HashSet<string> listed = [.. ReadTest().SkipWhile(l => !l.StartsWith("@Part1", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l[0] != '@').Select(l => Text(l.Split(';')[0]))];
        string rest = string.Join('\n', Enumerable.Range(0x80, 0x110000 - 0x80).Where(c => Rune.IsValid(c) && !listed.Contains(char.ConvertFromUtf32(c))).Select(char.ConvertFromUtf32));

        Assert.All((NormalizationForm[])[C, D, KC, KD], form => Assert.True(rest == Normalize(rest, form), $"{form}"));
    }

    [Fact]
    public void Composes_as_an_independent_implementation_does()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Assets.Data("text/nfc.json")));
        var cases = file.RootElement.GetProperty("cases").EnumerateArray().Select(c => (Text: c[0].GetString()!, Composed: c[1].GetString()!)).ToArray();

        Assert.True(cases.Length > 500);
        Assert.All(cases, c => Assert.Equal(c.Composed, Normalize(c.Text, C)));
        Assert.All(cases, c => Assert.Equal(c.Composed, Normalize(c.Composed, C)));
    }

    [Fact]
    public void Marks_in_any_number_are_ordered_by_class()
    {
        const int Count = 50_000;
        string text = "e" + string.Concat(Enumerable.Repeat("\u0301\u0323", Count));

        Assert.Equal("\u1EB9" + new string('\u0323', Count - 1) + new string('\u0301', Count), Normalize(text, C));
    }

    private static void AssertForms(IEnumerable<string> sources, NormalizationForm form, string expected) =>
        Assert.All(sources, source => Assert.Equal(expected, Normalize(source, form)));

    private static IEnumerable<string> ReadTest()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Assets.Data("text/NormalizationTest.txt.gz")), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    private static string Text(string codePoints) => string.Concat(codePoints.Split(' ').Select(c => char.ConvertFromUtf32(Convert.ToInt32(c, 16))));

    private static string Normalize(string text, NormalizationForm form)
    {
        var output = new TextBuffer(new TextBudget());
        UnicodeNormalization.Normalize(Encoding.UTF8.GetBytes(text), form, output);
        return Encoding.UTF8.GetString(output.Written);
    }
}
