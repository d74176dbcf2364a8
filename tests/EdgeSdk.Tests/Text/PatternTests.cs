using System.Text;
using System.Text.Json;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

public class PatternTests
{
    private const string ChatFormat = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[ _]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData(ChatFormat, "San Jose's 12", "San| Jose|'s| |1|2")]
    [InlineData(ChatFormat, "party_size\":\"two\"}", "party|_size|\":\"|two|\"}")]
    [InlineData(ChatFormat, "a  b\n\n c", "a| | b|\n\n| c")]
    [InlineData(ChatFormat, "I'LL DON'ſ", "I|'LL| DON|'ſ")]
    [InlineData(ChatFormat, "𝒜𐐀x 🎉!", "𝒜𐐀x| 🎉!")]
    [InlineData(@"\p{L}+", "1é𐐀2b", "é𐐀|b")]
    [InlineData(@"\p{N}{1,3}", "12345", "123|45")]
    [InlineData(@"\p{N}{1,3}+", "12345a6", "12345|6")]
    [InlineData(@"[一-龥぀-ゟ]+", "a你好のb", "你好の")]
    [InlineData(@"a++b|a+", "aaab aaac", "aaab|aaa")]
    [InlineData(@"(?>a+)ab|a", "aab", "a|a")]
    [InlineData(@"(?:ab|a)(?=b)", "abab", "a|a")]
    [InlineData(@"\s++$|x", " x \n ", "x| \n ")]
    [InlineData(@"^.", "ab\ncd", "a|c")]
    [InlineData(@"[^\P{L}b-d]", "abcde1", "a|e")]
    [InlineData(@"\u0041|\x{1F389}|\|", "A🎉|", "A|🎉||")]
    public void Finds_matches_by_code_point(string pattern, string text, string matches) => Assert.Equal(matches, string.Join('|', Matches(Pattern.Parse(pattern), text)));

    [Fact]
    public void Cuts_as_the_reference_does()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Assets.Data("text/patterns.json")));

        Assert.All(file.RootElement.EnumerateArray(), item =>
        {
            var pieces = new PieceList(new TextBudget());
            pieces.Start(Encoding.UTF8.GetBytes(item[1].GetString()!), start: 0);
            pieces.Split(Pattern.Parse(item[0].GetString()!), invert: false, SplitBehavior.Isolated);
            Assert.Equal(item[2].EnumerateArray().Select(p => p.GetString()), pieces.Pieces.Select(p => Encoding.UTF8.GetString(pieces.Text[p.Start..p.End])));
        });
    }

    [Theory]
    [InlineData("(a", "'(' without its ')', at character 1")]
    [InlineData("a)", "unmatched ')', at character 2")]
    [InlineData("[a", "'[' without its ']', at character 1")]
    [InlineData("a**", "quantifier upon a quantifier, at character 2")]
    [InlineData("(?<=a*)b", "lookbehind of no fixed length, at character 1")]
    [InlineData("(?x: a)", "group of a kind other")]
    [InlineData(@"\Gword", @"the escape \G, at character 1")]
    [InlineData(@"\p{Klingon}", @"\p{Klingon}")]
    [InlineData("[a&&[b]", "'[' without its ']'")]
    [InlineData("(a*)*", "repeated group that can be empty")]
    [InlineData("*a", "nothing before it")]
    [InlineData("a{2,1}", "least exceeds its most")]
    [InlineData("a{9999999999}", "a count over 1000")]
    [InlineData("(((a{2}b){1000}){1000}){1000}", "more than 4,000 steps")]
    [InlineData("[[:alfa:]]", "the class [:alfa:]")]
    [InlineData("\\p{Emojy}", "\\p{Emojy}")]
    public void Names_what_it_does_not_know(string pattern, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<FormatException>(() => Pattern.Parse(pattern)).Message);

    [Fact]
    public void Refuses_groups_too_deep_to_read() =>
        Assert.Contains("nested deeper", Assert.Throws<FormatException>(() => Pattern.Parse(new string('(', 100_000))).Message);

    [Theory]
    [InlineData("(a+)+$", "a")]
    [InlineData("(a|a)*b", "a")]
    [InlineData("(?:a+a+)+b", "a")]
    public void A_pattern_that_would_take_for_ever_is_stopped(string pattern, string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 5000)) + "!";

        var failure = Assert.Throws<EdgeException>(() => Matches(Pattern.Parse(pattern), text));
        Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
        Assert.Contains(pattern, failure.Message);
    }

    [Fact]
    public void A_long_repetition_needs_no_deep_stack() => Assert.Single(Matches(Pattern.Parse("(?:ab|c)+"), string.Concat(Enumerable.Repeat("ab", 500_000))));

    private static List<string> Matches(Pattern pattern, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        var matcher = new Pattern.Matcher(pattern);
        var matches = new List<string>();
        var budget = new TextBudget();
        budget.Add(utf8.Length);
        matcher.Start(budget);
        while (matcher.TryNext(utf8, out int start, out int end))
            matches.Add(Encoding.UTF8.GetString(utf8, start, end - start));

        return matches;
    }
}
